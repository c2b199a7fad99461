/**
 * SSE and SSE2 floating-point arithmetic (SDM vol. 1, chapters 10 and 11).
 *
 * WebAssembly's own arithmetic answers where MXCSR is as almost always (round to nearest, every exception masked, no
 * denormals-are-zeros or flush-to-zero) and no flag can change: operands and results are normal numbers, or zeros
 * where that is harmless, and PE is set already or the result is exact. All else goes to a routine that computes
 * with integers.
 */
import type { Expression, VectorExpression } from '../ir/ir';
import type { VectorBuilder } from '../ir/vector-builder';
import type { VectorOperator } from '../ir/vector-operators';
import { runOffsets } from '../memory-map';
import { mxcsrOffset } from '../vector-state';
import { operandAt, type Definition } from './definition';
import { defineVector } from './simd-availability';
import { isProduct, isSum, lanesOf, type FloatBits } from './simd-exactness';
import { mergeScalar } from './simd-move';

/** PE set, all masked, nearest, no FZ, no DAZ; the other flags do not matter. */
const mxcsrFastMask = 0xffe0;
const mxcsrFast = 0x1fa0;
const mxcsrRounding = 0x6000;

/** Element size and count of an operation. */
export interface FloatShape {
  readonly suffix: 'PS' | 'PD' | 'SS' | 'SD';
  readonly bits: FloatBits;
  readonly isPacked: boolean;
}

export const floatShapes: readonly FloatShape[] = [
  { suffix: 'PS', bits: 32, isPacked: true },
  { suffix: 'PD', bits: 64, isPacked: true },
  { suffix: 'SS', bits: 32, isPacked: false },
  { suffix: 'SD', bits: 64, isPacked: false },
];

/** MXCSR lets an inexact result pass without a change. */
export function isInexactQuiet(v: VectorBuilder): Expression {
  const { b } = v;
  const control = b.and(b.state(mxcsrOffset, 4), b.i32(mxcsrFastMask));
  return b.compare('eq', control, b.i32(mxcsrFast));
}

const limits = {
  32: { minimum: 0x00800000n * 0x100000001n, infinity: 0x7f800000n * 0x100000001n },
  64: { minimum: 0x0010000000000000n, infinity: 0x7ff0000000000000n },
} as const;

/** Per element: a normal number above the smallest; with `orZero` also a zero. */
export function isOrdinary(
  v: VectorBuilder,
  value: VectorExpression,
  bits: FloatBits,
  orZero: boolean,
): VectorExpression {
  const lanes = lanesOf(bits);
  const magnitude = v.let(v.op(`${lanes}.abs`, value));
  const { minimum, infinity } = limits[bits];
  // A result that rounding lifted to the smallest normal number may have been tiny.
  const normal = v.op(
    'v128.and',
    v.op(`${lanes}.gt`, magnitude, v.repeated64(minimum)),
    v.op(`${lanes}.lt`, magnitude, v.repeated64(infinity)),
  );
  return orZero ? v.op('v128.or', normal, v.op(`${lanes}.eq`, magnitude, v.zero())) : normal;
}

/** 1 where the condition holds in every element that counts. */
export function holds(
  v: VectorBuilder,
  condition: VectorExpression,
  { bits, isPacked }: Pick<FloatShape, 'bits' | 'isPacked'>,
): Expression {
  if (isPacked) return v.integer(bits === 32 ? 'i32x4.all_true' : 'i64x2.all_true', condition);
  return v.b.and(v.lane32(condition, 0), v.b.i32(1));
}

/** Hands both operands to a routine, which ends the instruction. */
export function toRoutine(
  v: VectorBuilder,
  name: string,
  a: VectorExpression,
  source: VectorExpression,
): void {
  v.setState(runOffsets.vectorA, a);
  v.setState(runOffsets.vectorB, source);
  v.b.routine(name);
}

/** Result of a packed operation, or of a scalar one with the destination's upper elements. */
function placed(
  v: VectorBuilder,
  old: VectorExpression,
  value: VectorExpression,
  { bits, isPacked }: FloatShape,
): VectorExpression {
  return isPacked ? value : mergeScalar(v, old, value, bits);
}

type Operation = 'add' | 'sub' | 'mul' | 'div';

function all(v: VectorBuilder, ...conditions: readonly VectorExpression[]): VectorExpression {
  return conditions.reduce((whole, part) => v.op('v128.and', whole, part));
}

/** Elements of which WebAssembly's result is the hardware's, apart from PE. */
function isPlain(
  v: VectorBuilder,
  operation: Operation,
  bits: FloatBits,
  a: VectorExpression,
  b: VectorExpression,
  result: VectorExpression,
): VectorExpression {
  switch (operation) {
    case 'add':
    case 'sub':
      // A zero sum of such operands is exact.
      return all(
        v,
        isOrdinary(v, a, bits, true),
        isOrdinary(v, b, bits, true),
        isOrdinary(v, result, bits, true),
      );
    case 'mul': {
      const lanes = lanesOf(bits);
      const product = v.op(`${lanes}.eq`, result, v.zero());
      const factor = v.op(
        'v128.or',
        v.op(`${lanes}.eq`, a, v.zero()),
        v.op(`${lanes}.eq`, b, v.zero()),
      );
      // A product may be zero only where a factor is.
      const isZeroFitting = v.op('v128.not', v.op('v128.andnot', product, factor));
      return all(
        v,
        isOrdinary(v, a, bits, true),
        isOrdinary(v, b, bits, true),
        isOrdinary(v, result, bits, true),
        isZeroFitting,
      );
    }
    case 'div':
      return all(
        v,
        isOrdinary(v, a, bits, false),
        isOrdinary(v, b, bits, false),
        isOrdinary(v, result, bits, false),
      );
  }
}

/**
 * 1 where a plain result may stand: PE is set already, or the result is exact. Exactness is only asked where it
 * matters, until a program's first inexact result.
 */
function keepsFlags(
  v: VectorBuilder,
  plain: VectorExpression,
  exactness: () => VectorExpression,
  shape: FloatShape,
): Expression {
  const { b } = v;
  const answer = b.local('i32');
  b.assign(answer, holds(v, plain, shape));
  b.if(b.and(b.valueOf(answer), b.isZero(isInexactQuiet(v))), () => {
    const toNearest = b.isZero(b.and(b.state(mxcsrOffset, 4), b.i32(mxcsrRounding)));
    b.assign(answer, b.and(toNearest, holds(v, exactness(), shape)));
  });
  return b.valueOf(answer);
}

function isExact(
  v: VectorBuilder,
  operation: Operation,
  bits: FloatBits,
  a: VectorExpression,
  b: VectorExpression,
  result: VectorExpression,
): VectorExpression {
  switch (operation) {
    case 'add':
      return isSum(v, bits, a, b, result);
    case 'sub':
      // a - b = r without error where r + b = a has none.
      return isSum(v, bits, result, b, a);
    case 'mul':
      return isProduct(v, bits, a, b, result);
    case 'div':
      return isProduct(v, bits, result, b, a);
  }
}

function arithmetic(operation: Operation, shape: FloatShape): Definition {
  const mnemonic = operation.toUpperCase() + shape.suffix;
  return defineVector('vectorFloat', mnemonic, (v, operands) => {
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    const result = v.let(v.op(`${lanesOf(shape.bits)}.${operation}`, old, source));
    const plain = isPlain(v, operation, shape.bits, old, source, result);
    v.b.if(
      keepsFlags(v, plain, () => isExact(v, operation, shape.bits, old, source, result), shape),
      () => v.write(target, placed(v, old, result, shape)),
      () => toRoutine(v, `float${mnemonic}`, old, source),
    );
  });
}

function squareRoot(shape: FloatShape): Definition {
  const mnemonic = `SQRT${shape.suffix}`;
  return defineVector('vectorFloat', mnemonic, (v, operands) => {
    const lanes = lanesOf(shape.bits);
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    const positive = v.op(`${lanes}.ge`, source, v.zero());
    const plain = v.op('v128.and', isOrdinary(v, source, shape.bits, true), positive);
    const root = v.let(v.op(`${lanes}.sqrt`, source));
    v.b.if(
      keepsFlags(v, plain, () => isProduct(v, shape.bits, root, root, source), shape),
      () => v.write(target, placed(v, old, root, shape)),
      () => toRoutine(v, `float${mnemonic}`, old, source),
    );
  });
}

/** Both operands are ordinary or zero: comparing them raises nothing. */
function areComparable(
  v: VectorBuilder,
  a: VectorExpression,
  b: VectorExpression,
  shape: FloatShape,
): Expression {
  const { bits } = shape;
  const both = v.op('v128.and', isOrdinary(v, a, bits, true), isOrdinary(v, b, bits, true));
  return holds(v, both, shape);
}

/** MIN and MAX: the destination where it is strictly smaller or larger, else the source. */
function extremum(name: 'MIN' | 'MAX', shape: FloatShape): Definition {
  const mnemonic = name + shape.suffix;
  return defineVector('vectorFloat', mnemonic, (v, operands) => {
    const lanes = lanesOf(shape.bits);
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    const wins = v.op(`${lanes}.${name === 'MIN' ? 'lt' : 'gt'}`, old, source);
    v.b.if(
      areComparable(v, old, source, shape),
      () => v.write(target, placed(v, old, v.op('v128.bitselect', old, source, wins), shape)),
      () => toRoutine(v, `float${mnemonic}`, old, source),
    );
  });
}

/** A vector of ones where the low bit of an i32 is set. */
function maskOfBit(v: VectorBuilder, value: Expression): VectorExpression {
  const { b } = v;
  return v.op('i32x4.splat', b.sub(b.i32(0), b.and(value, b.i32(1))));
}

/** CMPcc: predicate 0 equal, 1 less, 2 less or equal, 3 unordered; bit 2 negates. */
function compare(shape: FloatShape): Definition {
  return defineVector('vectorFloat', `CMP${shape.suffix}`, (v, operands) => {
    const { b } = v;
    const lanes = lanesOf(shape.bits);
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    b.if(
      areComparable(v, old, source, shape),
      () => {
        const predicate = b.let(b.wrap(b.decoded('imm')));
        const higher = b.binary('shr_u', predicate, b.i32(1));
        const wantsEqual = maskOfBit(v, b.xor(predicate, b.i32(1)));
        const wantsLess = maskOfBit(v, b.xor(predicate, higher));
        const negated = maskOfBit(v, b.binary('shr_u', predicate, b.i32(2)));
        const equal = v.op('v128.and', v.op(`${lanes}.eq`, old, source), wantsEqual);
        const less = v.op('v128.and', v.op(`${lanes}.lt`, old, source), wantsLess);
        const result = v.op('v128.xor', v.op('v128.or', equal, less), negated);
        v.write(target, placed(v, old, v.let(result), shape));
      },
      () => toRoutine(v, `floatCMP${shape.suffix}`, old, source),
    );
  });
}

/** COMI and UCOMI set ZF for equal, CF for less, and with PF all three for unordered; OF, SF and AF become 0. */
function compareToFlags(mnemonic: string, bits: FloatBits): Definition {
  return defineVector('vectorFloat', mnemonic, (v, operands) => {
    const { b } = v;
    const lanes = lanesOf(bits);
    const source = v.read(operandAt(operands, 1));
    const first = v.read(operandAt(operands, 0));
    const flag = (operator: VectorOperator, bit: number): Expression =>
      b.and(v.lane32(v.op(operator, first, source), 0), b.i32(bit));
    b.if(
      areComparable(v, first, source, { suffix: 'SS', bits, isPacked: false }),
      () => {
        const image = b.let(b.or(flag(`${lanes}.eq`, 0x40), flag(`${lanes}.lt`, 1)));
        b.setFlags(32, { kind: 'image', image, overflow: true });
      },
      () => toRoutine(v, `float${mnemonic}`, first, source),
    );
  });
}

/** RCP and RSQRT: approximations that raise nothing; their table is in the routine. */
function approximation(mnemonic: string): Definition {
  return defineVector('vectorFloat', mnemonic, (v, operands) => {
    const source = v.read(operandAt(operands, 1));
    toRoutine(v, `float${mnemonic}`, v.read(operandAt(operands, 0)), source);
  });
}

export const simdFloatDefinitions: readonly Definition[] = [
  ...floatShapes.flatMap((shape) => [
    arithmetic('add', shape),
    arithmetic('sub', shape),
    arithmetic('mul', shape),
    arithmetic('div', shape),
    squareRoot(shape),
    extremum('MIN', shape),
    extremum('MAX', shape),
    compare(shape),
  ]),
  compareToFlags('COMISS', 32),
  compareToFlags('UCOMISS', 32),
  compareToFlags('COMISD', 64),
  compareToFlags('UCOMISD', 64),
  approximation('RCPPS'),
  approximation('RCPSS'),
  approximation('RSQRTPS'),
  approximation('RSQRTSS'),
];
