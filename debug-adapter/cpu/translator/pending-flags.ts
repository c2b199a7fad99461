/** Flags that an instruction has set but nobody has needed yet: computed where they are read, or never. */
import type { Expression, FlagEffect, Width } from '../ir/ir';
import type { RegionInstruction } from './region';

/** Effects that replace all flags and can wait. */
export type DeferredEffect = Extract<FlagEffect, { kind: 'add' | 'sub' | 'logic' | 'given' }>;

/** A deferred effect with the context in which its expressions are meant. */
export interface PendingFlags {
  readonly width: Width;
  readonly effect: DeferredEffect;
  readonly instruction: RegionInstruction;
  /** WebAssembly locals by local id; they keep their values until the effect is replaced. */
  readonly locals: ReadonlyMap<number, number>;
}

/** Leaves whose value may change after the instruction: they are evaluated when the effect is deferred. */
export function isVolatile(expression: Expression): boolean {
  switch (expression.kind) {
    case 'operandRegister':
    case 'fixedRegister':
    case 'flag':
    case 'condition':
    case 'state':
    case 'load':
    case 'effectiveAddress':
    case 'stepsLeft':
      return true;
    default:
      return false;
  }
}
