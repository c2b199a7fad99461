/** Flags that an instruction has set but nobody has needed yet: computed where they are read, or never. */
import { op } from '../wasm/opcodes';
import type { Expression, FlagEffect, Width } from '../ir/ir';
import { present } from '../../support/assert';
import type { RegionInstruction } from './region';
import { effectParts } from './variant-facts';

/** Effects that replace all flags and can wait. */
export type DeferredEffect = Extract<FlagEffect, { kind: 'add' | 'sub' | 'logic' | 'given' }>;

/** Flags as they are handed over without being worked out (`due-flags.ts`). */
export interface DueFlags {
  /** What `flagCarries` holds. */
  readonly kind: number;
  readonly a: Expression;
  /** Undefined for 0. */
  readonly b: Expression | undefined;
}

/** A deferred effect with the context in which its expressions are meant. */
export interface PendingFlags {
  readonly width: Width;
  readonly effect: DeferredEffect;
  /** How they are handed over; undefined where they have to be worked out. */
  readonly due: DueFlags | undefined;
  readonly instruction: RegionInstruction;
  /** WebAssembly locals by local id. */
  readonly locals: readonly number[];
  /** Those of them that keep their values until the effect is replaced. */
  readonly keeps: readonly number[];
}

/** Whether a value stays the same after the instruction; others are evaluated when the effect is deferred. */
export function isFixed(expression: Expression): boolean {
  switch (expression.kind) {
    case 'const':
    case 'local':
    case 'decoded':
      return true;
    case 'binary':
    case 'compare':
      return isFixed(expression.a) && isFixed(expression.b);
    case 'select':
      return isFixed(expression.condition) && isFixed(expression.a) && isFixed(expression.b);
    case 'unary':
    case 'isZero':
    case 'wrap':
    case 'widen':
    case 'signExtend':
      return isFixed(expression.a);
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
  const { kind } = effect;
  switch (kind) {
    case 'add':
    case 'sub':
      return {
        kind,
        a: settle(effect.a),
        b: settle(effect.b),
        result: settle(effect.result),
        withCarry: effect.withCarry,
      };
    case 'logic':
      return { kind, result: settle(effect.result) };
    case 'given':
      return {
        kind,
        result: settle(effect.result),
        carry: settle(effect.carry),
        overflow: settle(effect.overflow),
        auxiliary: settle(effect.auxiliary),
      };
  }
}

/** Adds the WebAssembly locals that a settled effect needs to `keeps`. */
export function keepLocals(
  effect: DeferredEffect,
  assigned: readonly number[],
  keeps: number[],
): void {
  for (const part of effectParts(effect)) keepLocalsOf(part, assigned, keeps);
}

function keepLocalsOf(part: Expression, assigned: readonly number[], keeps: number[]): void {
  switch (part.kind) {
    case 'local':
      keeps.push(present(assigned[part.local.id], 'local of an effect'));
      return;
    case 'binary':
    case 'compare':
      keepLocalsOf(part.a, assigned, keeps);
      keepLocalsOf(part.b, assigned, keeps);
      return;
    case 'select':
      keepLocalsOf(part.condition, assigned, keeps);
      keepLocalsOf(part.a, assigned, keeps);
      keepLocalsOf(part.b, assigned, keeps);
      return;
    case 'unary':
    case 'isZero':
    case 'wrap':
    case 'widen':
    case 'signExtend':
      keepLocalsOf(part.a, assigned, keeps);
      return;
    default:
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
