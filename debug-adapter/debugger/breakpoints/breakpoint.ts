/** What every kind of breakpoint turns into: a place in code, a predicate over VM exits, or a reason why not. */
import type { VmExitEvent } from '../../machine/trace';
import type { BreakpointGate } from './breakpoint-gate';

/** Says whether a VM exit is the one that is waited for. */
export type ExitPredicate = (exit: VmExitEvent) => boolean;

/** Where a breakpoint takes effect. */
export type BreakpointTarget =
  | {
      readonly kind: 'code';
      readonly addresses: readonly bigint[];
      /** Line that the breakpoint really is on, where it has one. */
      readonly line?: number;
    }
  | { readonly kind: 'exit'; readonly matches: ExitPredicate; readonly title: string }
  /** Cannot take effect; `message` says why and what to do. */
  | { readonly kind: 'none'; readonly message: string };

/** A breakpoint as the debugger keeps it. */
export interface Breakpoint {
  readonly id: number;
  readonly target: BreakpointTarget;
  readonly gate: BreakpointGate;
}

/** A target that cannot take effect. */
export function noTarget(message: string): BreakpointTarget {
  return { kind: 'none', message };
}
