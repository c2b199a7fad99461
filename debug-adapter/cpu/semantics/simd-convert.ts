/**
 * SSE and SSE2 conversions (SDM vol. 2: CVTSI2SD, CVTTPS2DQ, …). As in `simd-float.ts`, WebAssembly converts where no
 * MXCSR flag can change; all else goes to a routine.
 */
import type { Expression, VectorExpression } from '../ir/ir';
import type { VectorBuilder } from '../ir/vector-builder';
import { operandAt, widthOf, type Definition } from './definition';
import { defineVector } from './simd-availability';
import { holds, isInexactQuiet, isOrdinary, toRoutine } from './simd-float';
import { lanesOf, type FloatBits } from './simd-exactness';
import { isMmx } from './simd-integer';
import { mergeScalar } from './simd-move';

const group = 'vectorFloat';

/** Integers of at most this magnitude are exact in the format. */
const exactLimit = { 32: 1n << 24n, 64: 1n << 53n } as const;

/** `value` lies between -limit and limit. */
function isWithin(v: VectorBuilder, value: Expression, limit: bigint): Expression {
  const { b } = v;
  return b.compare('le_u', b.add(value, b.i64(limit)), b.i64(2n * limit));
}

/** CVTSI2SS and CVTSI2SD. */
function fromGeneral(mnemonic: string, bits: FloatBits): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const { b } = v;
    const target = operandAt(operands, 0);
    const operand = operandAt(operands, 1);
    const width = widthOf(operand);
    const source = b.let(b.signed(b.read(operand), width));
    const old = v.read(target);
    const convert = (): void => {
      const value =
        bits === 64
          ? v.withLane64(old, 0, v.integer('f64.convert_i64_s', source))
          : v.withLane32(old, 0, v.integer('f32.convert_i64_s', source));
      v.write(target, value);
    };
    if (bits === 64 && width === 32) return convert();
    b.if(b.or(isWithin(v, source, exactLimit[bits]), isInexactQuiet(v)), convert, () =>
      toRoutine(v, `float${mnemonic}`, old, v.withLane64(v.zero(), 0, source)),
    );
  });
}

/** Four or two doublewords to single precision. */
function toSingles(mnemonic: string, lanes: 2 | 4): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const { b } = v;
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    const ofMmx = isMmx(operandAt(operands, 1)) ? 'ofMmx' : '';
    const counted = lanes === 4 ? source : v.withLane64(source, 1, b.i64(0));
    const shifted = v.op('i32x4.add', counted, v.repeated32(1 << 24));
    const small = v.op('i32x4.le_u', shifted, v.repeated32(1 << 25));
    const isExact = v.integer('i32x4.all_true', small);
    b.if(
      b.or(isExact, isInexactQuiet(v)),
      () => {
        const values = v.op('f32x4.convert_i32x4_s', source);
        v.write(target, lanes === 4 ? values : mergeScalar(v, old, v.let(values), 64));
      },
      () => toRoutine(v, `float${mnemonic}${ofMmx}`, old, source),
    );
  });
}

/** Two doublewords to double precision, always exact. */
function toDoubles(mnemonic: string): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const source = v.read(operandAt(operands, 1));
    v.write(operandAt(operands, 0), v.op('f64x2.convert_low_i32x4_s', source));
  });
}

/** Rounded to an integer, and whether that is the hardware's answer without a change of flags. */
function rounded(
  v: VectorBuilder,
  source: VectorExpression,
  bits: FloatBits,
  limit: VectorExpression,
  truncates: boolean,
): { readonly value: VectorExpression; readonly fits: VectorExpression } {
  const lanes = lanesOf(bits);
  const value = v.let(v.op(truncates ? `${lanes}.trunc` : `${lanes}.nearest`, source));
  const inRange = v.op(`${lanes}.lt`, v.op(`${lanes}.abs`, value), limit);
  const exact = v.op(`${lanes}.eq`, value, source);
  const quiet = v.op('i32x4.splat', v.b.sub(v.b.i32(0), isInexactQuiet(v)));
  return { value, fits: v.op('v128.and', inRange, v.op('v128.or', exact, quiet)) };
}

/** 2^31 and 2^63 as encodings. */
const doubleLimit = { 32: 0x41e0000000000000n, 64: 0x43e0000000000000n } as const;
const singleLimit = 0x4f000000;

/** CVTSS2SI, CVTSD2SI and their truncating forms; a single is exact as a double. */
function toGeneral(mnemonic: string, bits: FloatBits, truncates: boolean): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const { b } = v;
    const target = operandAt(operands, 0);
    const width = widthOf(target) === 64 ? 64 : 32;
    const source = v.read(operandAt(operands, 1));
    const double = bits === 64 ? source : v.let(v.op('f64x2.promote_low_f32x4', source));
    const limit = v.repeated64(doubleLimit[width]);
    const { value, fits } = rounded(v, double, 64, limit, truncates);
    b.if(
      holds(v, fits, { bits: 64, isPacked: false }),
      () => b.write(target, v.integer('i64.trunc_sat_f64_s', v.lane64(value, 0))),
      () => toRoutine(v, `float${mnemonic}${width}`, source, source),
    );
  });
}

/** CVTPS2DQ and CVTTPS2DQ. */
function singlesToDoublewords(mnemonic: string, truncates: boolean): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const source = v.read(operandAt(operands, 1));
    const { value, fits } = rounded(v, source, 32, v.repeated32(singleLimit), truncates);
    v.b.if(
      holds(v, fits, { bits: 32, isPacked: true }),
      () => v.write(operandAt(operands, 0), v.op('i32x4.trunc_sat_f32x4_s', value)),
      () => toRoutine(v, `float${mnemonic}`, source, source),
    );
  });
}

/** Two doubles, or two singles by way of doubles, to doublewords in an XMM or MMX register. */
function pairToDoublewords(mnemonic: string, bits: FloatBits, truncates: boolean): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const source = v.read(operandAt(operands, 1));
    const double = bits === 64 ? source : v.let(v.op('f64x2.promote_low_f32x4', source));
    const { value, fits } = rounded(v, double, 64, v.repeated64(doubleLimit[32]), truncates);
    v.b.if(
      holds(v, fits, { bits: 64, isPacked: true }),
      () => v.write(operandAt(operands, 0), v.op('i32x4.trunc_sat_f64x2_s_zero', value)),
      () => toRoutine(v, `float${mnemonic}`, source, source),
    );
  });
}

/** CVTSS2SD and CVTPS2PD: exact where the source is no NaN, infinity or denormal. */
function widen(mnemonic: string, isPacked: boolean): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const { b } = v;
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    const counted = isPacked ? v.withLane64(source, 1, b.i64(0)) : source;
    const plain = isOrdinary(v, counted, 32, true);
    b.if(
      holds(v, plain, { bits: 32, isPacked }),
      () => {
        const value = v.let(v.op('f64x2.promote_low_f32x4', source));
        v.write(target, isPacked ? value : mergeScalar(v, old, value, 64));
      },
      () => toRoutine(v, `float${mnemonic}`, old, source),
    );
  });
}

/** CVTSD2SS and CVTPD2PS. */
function narrow(mnemonic: string, isPacked: boolean): Definition {
  return defineVector(group, mnemonic, (v, operands) => {
    const { b } = v;
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    const value = v.let(v.op('f32x4.demote_f64x2_zero', source));
    // The upper half of the packed result is zero, which passes.
    const result = isOrdinary(v, value, 32, true);
    const back = v.let(v.op('f64x2.promote_low_f32x4', value));
    const zeroResult = v.op('f64x2.eq', back, v.zero());
    const zeroSource = v.op('f64x2.eq', source, v.zero());
    const lost = v.op('v128.andnot', zeroResult, zeroSource);
    const fits = v.op(
      'v128.and',
      v.op('v128.and', isOrdinary(v, source, 64, true), wideMask(v, v.let(result))),
      v.op('v128.not', lost),
    );
    b.if(
      b.and(isInexactQuiet(v), holds(v, fits, { bits: 64, isPacked })),
      () => v.write(target, isPacked ? value : mergeScalar(v, old, value, 32)),
      () => toRoutine(v, `float${mnemonic}`, old, source),
    );
  });
}

/** The masks of elements 0 and 1, each twice as wide. */
function wideMask(v: VectorBuilder, mask: VectorExpression): VectorExpression {
  return v.shuffle(mask, mask, [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7]);
}

export const simdConvertDefinitions: readonly Definition[] = [
  fromGeneral('CVTSI2SS', 32),
  fromGeneral('CVTSI2SD', 64),
  toSingles('CVTDQ2PS', 4),
  toSingles('CVTPI2PS', 2),
  toDoubles('CVTDQ2PD'),
  toDoubles('CVTPI2PD'),
  toGeneral('CVTSS2SI', 32, false),
  toGeneral('CVTTSS2SI', 32, true),
  toGeneral('CVTSD2SI', 64, false),
  toGeneral('CVTTSD2SI', 64, true),
  singlesToDoublewords('CVTPS2DQ', false),
  singlesToDoublewords('CVTTPS2DQ', true),
  pairToDoublewords('CVTPD2DQ', 64, false),
  pairToDoublewords('CVTTPD2DQ', 64, true),
  pairToDoublewords('CVTPD2PI', 64, false),
  pairToDoublewords('CVTTPD2PI', 64, true),
  pairToDoublewords('CVTPS2PI', 32, false),
  pairToDoublewords('CVTTPS2PI', 32, true),
  widen('CVTSS2SD', false),
  widen('CVTPS2PD', true),
  narrow('CVTSD2SS', false),
  narrow('CVTPD2PS', true),
];
