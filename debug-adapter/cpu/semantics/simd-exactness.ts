/** Whether a floating-point result is exact, found with floating-point operations alone. */
import type { VectorExpression } from '../ir/ir';
import type { VectorBuilder } from '../ir/vector-builder';

export type FloatBits = 32 | 64;

export function lanesOf(bits: FloatBits): 'f32x4' | 'f64x2' {
  return bits === 32 ? 'f32x4' : 'f64x2';
}

/** Elements where `sum` is a + b without rounding: the error of an addition is a float itself (Knuth's TwoSum). */
export function isSum(
  v: VectorBuilder,
  bits: FloatBits,
  a: VectorExpression,
  b: VectorExpression,
  sum: VectorExpression,
): VectorExpression {
  const lanes = lanesOf(bits);
  const rounded = v.let(v.op(`${lanes}.add`, a, b));
  const second = v.let(v.op(`${lanes}.sub`, rounded, a));
  const first = v.op(`${lanes}.sub`, rounded, second);
  const error = v.op(
    `${lanes}.add`,
    v.op(`${lanes}.sub`, a, first),
    v.op(`${lanes}.sub`, b, second),
  );
  return v.op('v128.and', v.op(`${lanes}.eq`, rounded, sum), v.op(`${lanes}.eq`, error, v.zero()));
}

/**
 * Elements where `product` is a × b without rounding; false where that would have to be proved with tiny parts. A zero
 * product has a zero factor.
 */
export function isProduct(
  v: VectorBuilder,
  bits: FloatBits,
  a: VectorExpression,
  b: VectorExpression,
  product: VectorExpression,
): VectorExpression {
  return bits === 32 ? isSingleProduct(v, a, b, product) : isDoubleProduct(v, a, b, product);
}

/** Doubles hold the product of two singles. */
function isSingleProduct(
  v: VectorBuilder,
  a: VectorExpression,
  b: VectorExpression,
  product: VectorExpression,
): VectorExpression {
  const upper = (value: VectorExpression): VectorExpression =>
    v.shuffle(value, value, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
  const half = (part: (value: VectorExpression) => VectorExpression): VectorExpression => {
    const double = (value: VectorExpression): VectorExpression =>
      v.op('f64x2.promote_low_f32x4', part(value));
    return v.op('f64x2.eq', v.op('f64x2.mul', double(a), double(b)), double(product));
  };
  const low = half((value) => value);
  const high = half(upper);
  return v.shuffle(low, high, [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
}

/** 2^27 + 1: splits a double into halves whose products are exact (Dekker). */
const splitter = 0x41a0000002000000n;
/** 2^-960: above it no part of a product falls below the smallest denormal. */
const productMinimum = 0x03f0000000000000n;

function isDoubleProduct(
  v: VectorBuilder,
  a: VectorExpression,
  b: VectorExpression,
  product: VectorExpression,
): VectorExpression {
  const mul = (x: VectorExpression, y: VectorExpression) => v.op('f64x2.mul', x, y);
  const add = (x: VectorExpression, y: VectorExpression) => v.op('f64x2.add', x, y);
  const sub = (x: VectorExpression, y: VectorExpression) => v.op('f64x2.sub', x, y);
  const split = (value: VectorExpression): readonly [VectorExpression, VectorExpression] => {
    const scaled = v.let(mul(value, v.repeated64(splitter)));
    const high = v.let(sub(scaled, sub(scaled, value)));
    return [high, v.let(sub(value, high))];
  };
  const [aHigh, aLow] = split(a);
  const [bHigh, bLow] = split(b);
  const cross = add(add(sub(mul(aHigh, bHigh), product), mul(aHigh, bLow)), mul(aLow, bHigh));
  const error = add(cross, mul(aLow, bLow));
  const large = v.op('f64x2.gt', v.op('f64x2.abs', product), v.repeated64(productMinimum));
  const exact = v.op(
    'v128.and',
    v.op('f64x2.eq', mul(a, b), product),
    v.op('f64x2.eq', error, v.zero()),
  );
  const zero = v.op('f64x2.eq', product, v.zero());
  return v.op('v128.or', zero, v.op('v128.and', large, exact));
}
