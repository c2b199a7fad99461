/** Values of expressions that are known at translation: immediates, and what follows from them. */
import { stateOffsets } from '../../machine/processor-state';
import type { DecodedField, Expression } from '../ir/ir';
import type { RegionInstruction } from './region';

const mask = { i32: 0xffffffffn, i64: 0xffffffffffffffffn } as const;

const addressMasks = { 16: 0xffffn, 32: 0xffffffffn, 64: mask.i64 } as const;

/**
 * The value of an expression, zero-extended to its type, or undefined where it depends on the guest's state.
 * @param locals known values of locals, by id
 */
export function constantValue(
  expression: Expression,
  instruction: RegionInstruction,
  locals: readonly (bigint | undefined)[],
): bigint | undefined {
  switch (expression.kind) {
    case 'const':
      return expression.value & mask[expression.type];
    case 'local':
      return locals[expression.local.id];
    case 'decoded':
      return decodedConstant(expression.field, instruction);
    case 'isZero': {
      const value = constantValue(expression.a, instruction, locals);
      return value === undefined ? undefined : BigInt(value === 0n);
    }
    case 'wrap': {
      const value = constantValue(expression.a, instruction, locals);
      return value === undefined ? undefined : value & mask.i32;
    }
    case 'compare':
    case 'binary': {
      const a = constantValue(expression.a, instruction, locals);
      const b = constantValue(expression.b, instruction, locals);
      return a === undefined || b === undefined ? undefined : combine(expression, a, b);
    }
    default:
      return undefined;
  }
}

function decodedConstant(field: DecodedField, instruction: RegionInstruction): bigint | undefined {
  switch (field) {
    case 'imm':
      return (
        (BigInt(instruction.immediateHigh >>> 0) << 32n) | BigInt(instruction.immediateLow >>> 0)
      );
    case 'addressMask':
      return addressMasks[instruction.addressSize];
    case 'segmentBase':
      return instruction.segmentBase === stateOffsets.zero ? 0n : undefined;
    default:
      return undefined;
  }
}

/** The operators that definitions apply to counts and levels; others are left to the engine. */
function combine(
  expression: Extract<Expression, { kind: 'compare' | 'binary' }>,
  a: bigint,
  b: bigint,
): bigint | undefined {
  switch (expression.operator) {
    case 'and':
      return a & b;
    case 'sub':
      return (a - b) & mask[expression.type];
    case 'shr_u':
      return a >> b;
    case 'eq':
      return BigInt(a === b);
    case 'ne':
      return BigInt(a !== b);
    default:
      return undefined;
  }
}
