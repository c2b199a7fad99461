/** The double extended-precision format (SDM vol. 1, 4.2.2): a value's parts, its class and its NaN rules. */

/** A register's contents, part by part; any bit pattern is possible. */
export interface Float80 {
  readonly sign: 0 | 1;
  /** Biased, 15 bits. */
  readonly exponent: number;
  /** 64 bits with the explicit integer bit. */
  readonly significand: bigint;
}

export const exponentBias = 16383;
export const exponentSpecial = 0x7fff;
export const integerBit = 1n << 63n;
const quietBit = 1n << 62n;

/** `unsupported`: unnormals, pseudo-NaNs and pseudo-infinities (SDM vol. 1, 8.2.2). Pseudo-denormals are denormal. */
export type FloatClass = 'unsupported' | 'nan' | 'infinity' | 'zero' | 'denormal' | 'normal';

export function classOf(value: Float80): FloatClass {
  const hasIntegerBit = value.significand >= integerBit;
  if (value.exponent === exponentSpecial) {
    if (!hasIntegerBit) return 'unsupported';
    return value.significand === integerBit ? 'infinity' : 'nan';
  }
  if (value.exponent === 0) return value.significand === 0n ? 'zero' : 'denormal';
  return hasIntegerBit ? 'normal' : 'unsupported';
}

/** The real indefinite: the masked response to an invalid operation (SDM vol. 1, table 4-3). */
export const indefinite: Float80 = {
  sign: 1,
  exponent: exponentSpecial,
  significand: integerBit | quietBit,
};

export function infinity(sign: 0 | 1): Float80 {
  return { sign, exponent: exponentSpecial, significand: integerBit };
}

export function zero(sign: 0 | 1): Float80 {
  return { sign, exponent: 0, significand: 0n };
}

export const one: Float80 = { sign: 0, exponent: exponentBias, significand: integerBit };

/** Whether a NaN is signaling. */
export function isSignaling(value: Float80): boolean {
  return (value.significand & quietBit) === 0n;
}

export function quiet(value: Float80): Float80 {
  return { ...value, significand: value.significand | quietBit };
}

/** Of two operands, at least one a NaN: the one that is the result (SDM vol. 1, table 4-7). */
export function propagateNan(a: Float80, b: Float80): Float80 {
  const aIsNan = classOf(a) === 'nan';
  const bIsNan = classOf(b) === 'nan';
  if (!bIsNan) return quiet(a);
  if (!aIsNan) return quiet(b);
  if (isSignaling(a) !== isSignaling(b)) return isSignaling(a) ? b : a;
  if (a.significand !== b.significand) return quiet(a.significand > b.significand ? a : b);
  return quiet(a.sign === 0 ? a : b);
}

/** A finite value's exponent of the significand's lowest bit: value = ± significand × 2^scale. */
export function scaleOf(value: Float80): number {
  return Math.max(value.exponent, 1) - exponentBias - 63;
}

/** Number of bits of a positive integer. */
export function bitLength(value: bigint): number {
  let bits = 0;
  let rest = value;
  while (rest > 0xffffffffffffffffn) {
    rest >>= 64n;
    bits += 64;
  }
  const high = Number(rest >> 32n);
  if (high !== 0) return bits + 64 - Math.clz32(high);
  return bits + 32 - Math.clz32(Number(rest));
}
