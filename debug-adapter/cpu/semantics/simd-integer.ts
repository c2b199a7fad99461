/** MMX and SSE2 integer instructions (SDM vol. 2: PADD, PCMPEQ, PMUL, PSLL, …), on MMX and XMM registers alike. */
import type { Operand } from '../ir/builder';
import type { Expression, VectorExpression } from '../ir/ir';
import type { VectorBuilder } from '../ir/vector-builder';
import type { VectorOperator } from '../ir/vector-operators';
import { operandAt, type Definition } from './definition';
import { defineVector } from './simd-availability';

type Combine = (
  v: VectorBuilder,
  a: VectorExpression,
  b: VectorExpression,
  isMmx: boolean,
) => VectorExpression;

export function isMmx(operand: Operand): boolean {
  return operand.kind === 'vectorRegister' && operand.file === 'mmx';
}

/** Destination = destination op source. */
function binary(mnemonic: string, combine: Combine): Definition {
  return defineVector('vector', mnemonic, (v, operands) => {
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    v.write(target, combine(v, old, source, isMmx(target)));
  });
}

const laneOperators: Readonly<Record<string, VectorOperator>> = {
  PCMPGTB: 'i8x16.gt_s',
  PCMPGTW: 'i16x8.gt_s',
  PCMPGTD: 'i32x4.gt_s',
  PCMPEQB: 'i8x16.eq',
  PCMPEQW: 'i16x8.eq',
  PCMPEQD: 'i32x4.eq',
  PADDQ: 'i64x2.add',
  PMULLW: 'i16x8.mul',
  PSUBUSB: 'i8x16.sub_sat_u',
  PSUBUSW: 'i16x8.sub_sat_u',
  PMINUB: 'i8x16.min_u',
  PAND: 'v128.and',
  PADDUSB: 'i8x16.add_sat_u',
  PADDUSW: 'i16x8.add_sat_u',
  PMAXUB: 'i8x16.max_u',
  PAVGB: 'i8x16.avgr_u',
  PAVGW: 'i16x8.avgr_u',
  PSUBSB: 'i8x16.sub_sat_s',
  PSUBSW: 'i16x8.sub_sat_s',
  PMINSW: 'i16x8.min_s',
  POR: 'v128.or',
  PADDSB: 'i8x16.add_sat_s',
  PADDSW: 'i16x8.add_sat_s',
  PMAXSW: 'i16x8.max_s',
  PXOR: 'v128.xor',
  PMADDWD: 'i32x4.dot_i16x8_s',
  PSUBB: 'i8x16.sub',
  PSUBW: 'i16x8.sub',
  PSUBD: 'i32x4.sub',
  PSUBQ: 'i64x2.sub',
  PADDB: 'i8x16.add',
  PADDW: 'i16x8.add',
  PADDD: 'i32x4.add',
};

/** Bytes `from`, `from` + 1, … below `to`. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

const lowHalves = [...range(0, 8), ...range(16, 24)];

/** Elements of the lower or upper half of both operands, alternating. An MMX register ends at byte 8. */
function interleave(bytes: number, isHigh: boolean): Combine {
  return (v, a, b, mmx) => {
    const half = mmx ? 4 : 8;
    const start = isHigh ? half : 0;
    const indices = range(0, half / bytes).flatMap((element) => {
      const at = start + element * bytes;
      return [...range(at, at + bytes), ...range(16 + at, 16 + at + bytes)];
    });
    return v.shuffle(a, b, mmx ? [...indices, ...range(8, 16)] : indices);
  };
}

function pack(operator: VectorOperator): Combine {
  return (v, a, b, mmx) => {
    if (!mmx) return v.op(operator, a, b);
    const both = v.let(v.shuffle(a, b, lowHalves));
    return v.op(operator, both, both);
  };
}

/** Upper halves of eight 16-bit products. */
function multiplyHigh(sign: 's' | 'u'): Combine {
  return (v, a, b) => {
    const low = v.op(`i32x4.extmul_low_i16x8_${sign}`, a, b);
    const high = v.op(`i32x4.extmul_high_i16x8_${sign}`, a, b);
    return v.shuffle(
      low,
      high,
      range(0, 8).flatMap((lane) => [lane * 4 + 2, lane * 4 + 3]),
    );
  };
}

const multiplyDoublewords: Combine = (v, a, b) => {
  const low = v.repeated64(0xffffffffn);
  return v.op('i64x2.mul', v.op('v128.and', a, low), v.op('v128.and', b, low));
};

/** Sum of absolute differences of eight bytes, for each half. */
const sumOfDifferences: Combine = (v, a, b) => {
  const difference = v.op('v128.or', v.op('i8x16.sub_sat_u', a, b), v.op('i8x16.sub_sat_u', b, a));
  const words = v.op('i16x8.extadd_pairwise_i8x16_u', difference);
  const doublewords = v.let(v.op('i32x4.extadd_pairwise_i16x8_u', words));
  const low = v.op('v128.and', doublewords, v.repeated64(0xffffffffn));
  return v.op('i64x2.add', low, v.op('i64x2.shr_u', doublewords, v.b.i32(32)));
};

/** A vector of ones where `condition` is 1, of zeros where it is 0. */
function maskOf(v: VectorBuilder, condition: Expression): VectorExpression {
  return v.op('i32x4.splat', v.b.sub(v.b.i32(0), condition));
}

/** Count of a shift: the immediate, or the low 64 bits of the second operand. */
function shiftCount(v: VectorBuilder, operand: Operand): Expression {
  const { b } = v;
  if (operand.kind === 'immediate') return b.let(b.and(b.read(operand), b.i64(0xff)));
  return b.let(v.lane64(v.read(operand), 0));
}

function shift(
  mnemonic: string,
  bits: 16 | 32 | 64,
  operator: VectorOperator,
  isArithmetic: boolean,
): Definition {
  return defineVector('vector', mnemonic, (v, operands) => {
    const { b } = v;
    const target = operandAt(operands, 0);
    const count = shiftCount(v, operandAt(operands, 1));
    const inRange = b.let(b.compare('lt_u', count, b.i64(bits)));
    const old = v.read(target);
    if (isArithmetic) {
      const cut = b.select(inRange, b.wrap(count), b.i32(bits - 1));
      return v.write(target, v.op(operator, old, cut));
    }
    const shifted = v.op(operator, old, b.wrap(count));
    v.write(target, v.op('v128.and', shifted, maskOf(v, inRange)));
  });
}

/** PSLLDQ and PSRLDQ: byte indices moved by the count; those outside the register give zeros. */
function shiftBytes(mnemonic: string, operator: 'i8x16.add' | 'i8x16.sub'): Definition {
  return defineVector('vector', mnemonic, (v, operands) => {
    const { b } = v;
    const target = operandAt(operands, 0);
    const immediate = b.wrap(shiftCount(v, operandAt(operands, 1)));
    const count = b.select(b.compare('lt_u', immediate, b.i32(16)), immediate, b.i32(16));
    const indices = v.op(operator, v.constant(range(0, 16)), v.op('i8x16.splat', count));
    v.write(target, v.op('i8x16.swizzle', v.read(target), indices));
  });
}

/** The two-bit field `position` of the immediate, an i32. */
function selector(v: VectorBuilder, position: number): Expression {
  const { b } = v;
  const immediate = b.wrap(b.decoded('imm'));
  return b.and(b.binary('shr_u', immediate, b.i32(position * 2)), b.i32(3));
}

/** Byte indices of four doublewords that the immediate selects. */
export function doublewordIndices(v: VectorBuilder): VectorExpression {
  const { b } = v;
  return range(0, 4).reduce<VectorExpression>((indices, lane) => {
    const bytes = b.add(b.binary('mul', selector(v, lane), b.i32(0x04040404)), b.i32(0x03020100));
    return v.withLane32(indices, lane, bytes);
  }, v.zero());
}

/** Byte indices of four words that the immediate selects, the first at byte `base`, as an i64. */
function wordIndices(v: VectorBuilder, base: number): Expression {
  const { b } = v;
  return range(0, 4).reduce((indices, lane) => {
    const first = 0x0100 + base * 0x0101;
    const bytes = b.add(b.binary('mul', selector(v, lane), b.i32(0x0202)), b.i32(first));
    return b.or(indices, b.binary('shl', b.widen(bytes), b.i64(lane * 16)));
  }, b.i64(0));
}

const identity = range(0, 16);

/** Shuffles the words of one half and keeps the other. */
function shuffleWords(mnemonic: string, half: 0 | 1): Definition {
  return defineVector('vector', mnemonic, (v, operands) => {
    const source = v.read(operandAt(operands, 1));
    const indices = v.withLane64(v.constant(identity), half, wordIndices(v, half * 8));
    v.write(operandAt(operands, 0), v.op('i8x16.swizzle', source, indices));
  });
}

const shuffleDoublewords = defineVector('vector', 'PSHUFD', (v, operands) => {
  const source = v.read(operandAt(operands, 1));
  v.write(operandAt(operands, 0), v.op('i8x16.swizzle', source, doublewordIndices(v)));
});

/** Number of a word as the immediate gives it, an i32. */
function wordNumber(v: VectorBuilder, mmx: boolean): Expression {
  return v.b.and(v.b.wrap(v.b.decoded('imm')), v.b.i32(mmx ? 3 : 7));
}

const insertWord = defineVector('vector', 'PINSRW', (v, operands) => {
  const { b } = v;
  const target = operandAt(operands, 0);
  const word = b.wrap(b.read(operandAt(operands, 1)));
  const numbers = v.constant(range(0, 8).flatMap((lane) => [lane, 0]));
  const isChosen = v.op('i16x8.eq', numbers, v.op('i16x8.splat', wordNumber(v, isMmx(target))));
  const words = v.op('i16x8.splat', word);
  v.write(target, v.op('v128.bitselect', words, v.read(target), isChosen));
});

const extractWord = defineVector('vector', 'PEXTRW', (v, operands) => {
  const { b } = v;
  const operand = operandAt(operands, 1);
  const number = wordNumber(v, isMmx(operand));
  const bytes = b.add(b.binary('mul', number, b.i32(0x0202)), b.i32(0x0100));
  const moved = v.op('i8x16.swizzle', v.read(operand), v.op('i16x8.splat', bytes));
  b.write(operandAt(operands, 0), b.widen(v.lane16(moved, 0)));
});

const moveByteMask = defineVector('vector', 'PMOVMSKB', (v, operands) => {
  const { b } = v;
  const operand = operandAt(operands, 1);
  const bits = v.integer('i8x16.bitmask', v.read(operand));
  b.write(operandAt(operands, 0), b.widen(isMmx(operand) ? b.and(bits, b.i32(0xff)) : bits));
});

const interleavings = [
  ['BW', 1],
  ['WD', 2],
  ['DQ', 4],
  ['QDQ', 8],
] as const;

export const simdIntegerDefinitions: readonly Definition[] = [
  ...Object.entries(laneOperators).map(([mnemonic, operator]) =>
    binary(mnemonic, (v, a, b) => v.op(operator, a, b)),
  ),
  binary('PANDN', (v, a, b) => v.op('v128.andnot', b, a)),
  ...interleavings.flatMap(([suffix, bytes]) => [
    binary(`PUNPCKL${suffix}`, interleave(bytes, false)),
    binary(`PUNPCKH${suffix}`, interleave(bytes, true)),
  ]),
  binary('PACKSSWB', pack('i8x16.narrow_i16x8_s')),
  binary('PACKUSWB', pack('i8x16.narrow_i16x8_u')),
  binary('PACKSSDW', pack('i16x8.narrow_i32x4_s')),
  binary('PMULHW', multiplyHigh('s')),
  binary('PMULHUW', multiplyHigh('u')),
  binary('PMULUDQ', multiplyDoublewords),
  binary('PSADBW', sumOfDifferences),
  shift('PSLLW', 16, 'i16x8.shl', false),
  shift('PSLLD', 32, 'i32x4.shl', false),
  shift('PSLLQ', 64, 'i64x2.shl', false),
  shift('PSRLW', 16, 'i16x8.shr_u', false),
  shift('PSRLD', 32, 'i32x4.shr_u', false),
  shift('PSRLQ', 64, 'i64x2.shr_u', false),
  shift('PSRAW', 16, 'i16x8.shr_s', true),
  shift('PSRAD', 32, 'i32x4.shr_s', true),
  shiftBytes('PSLLDQ', 'i8x16.sub'),
  shiftBytes('PSRLDQ', 'i8x16.add'),
  shuffleDoublewords,
  shuffleWords('PSHUFLW', 0),
  shuffleWords('PSHUFHW', 1),
  shuffleWords('PSHUFW', 0),
  insertWord,
  extractWord,
  moveByteMask,
];
