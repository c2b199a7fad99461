/** Flags that an instruction has set but nobody has needed yet: computed where they are read, or never. */
import { op } from '../wasm/opcodes';
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

/** CF that only the vector of carries gives. */
export function needsVector(effect: DeferredEffect): boolean {
  return (effect.kind === 'add' || effect.kind === 'sub') && effect.withCarry;
}

/** The effect with each of its parts replaced. */
export function settleEffect(
  effect: DeferredEffect,
  settle: (part: Expression) => Expression,
): DeferredEffect {
  switch (effect.kind) {
    case 'add':
    case 'sub':
      return { ...effect, a: settle(effect.a), b: settle(effect.b), result: settle(effect.result) };
    case 'logic':
      return { ...effect, result: settle(effect.result) };
    case 'given':
      return {
        ...effect,
        result: settle(effect.result),
        carry: settle(effect.carry),
        overflow: settle(effect.overflow),
        auxiliary: settle(effect.auxiliary),
      };
  }
}

/** Conditions of a subtraction as comparisons of its operands. */
export const comparisons: Readonly<
  Record<string, { readonly opcode: number; readonly signed: boolean } | undefined>
> = {
  B: { opcode: op.i64LtU, signed: false },
  AE: { opcode: op.i64GeU, signed: false },
  BE: { opcode: op.i64LeU, signed: false },
  A: { opcode: op.i64GtU, signed: false },
  L: { opcode: op.i64LtS, signed: true },
  GE: { opcode: op.i64GeS, signed: true },
  LE: { opcode: op.i64LeS, signed: true },
  G: { opcode: op.i64GtS, signed: true },
};
