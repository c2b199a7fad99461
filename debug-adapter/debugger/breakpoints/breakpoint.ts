/** What every kind of breakpoint turns into: a place in code, a predicate over trace events, or a reason why not. */
import type { TraceEvent } from '../../machine/trace';
import type { EventOf } from '../event-fields';
import type { BreakpointGate } from './breakpoint-gate';

/** A happening that is waited for. */
export interface EventTarget {
  readonly kind: 'event';
  /** The kind of trace event that it is. */
  readonly on: TraceEvent['kind'];
  readonly matches: (event: TraceEvent) => boolean;
  /** What stops, in words: `write of port 0xe9`. */
  readonly title: string;
  /** Decoded fields that the events can have, for conditions. */
  readonly fieldNames: readonly string[];
}

/** Where a breakpoint takes effect. */
export type BreakpointTarget =
  | {
      readonly kind: 'code';
      readonly addresses: readonly bigint[];
      /** Which of the addresses count in which partition; in every one they all do where this is absent. */
      readonly partitions?: ReadonlyMap<number, readonly bigint[]>;
      /** Line that the breakpoint really is on, where it has one. */
      readonly line?: number;
    }
  | EventTarget
  /** Cannot take effect; `message` says why and what to do. */
  | { readonly kind: 'none'; readonly message: string };

/** True where a target means `address` in `partition`. */
export function meansPlace(target: BreakpointTarget, partition: number, address: bigint): boolean {
  if (target.kind !== 'code') return false;
  if (target.partitions === undefined) return target.addresses.includes(address);
  return target.partitions.get(partition)?.includes(address) ?? false;
}

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

/** A target that is reached when an event of one kind happens for which `matches` says true. */
export function onEvent<Kind extends TraceEvent['kind']>(
  on: Kind,
  title: string,
  fieldNames: readonly string[],
  matches: (event: EventOf<Kind>) => boolean,
): BreakpointTarget {
  const isOfKind = (event: TraceEvent): event is EventOf<Kind> => event.kind === on;
  return {
    kind: 'event',
    on,
    title,
    fieldNames,
    matches: (event) => isOfKind(event) && matches(event),
  };
}
