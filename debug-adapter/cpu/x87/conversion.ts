/** Conversion between extended precision and the formats of memory (SDM vol. 1, 4.2, 4.7 and 8.1.5). */
import {
  bitLength,
  classOf,
  exponentBias,
  exponentSpecial,
  infinity,
  integerBit,
  scaleOf,
  zero,
  type Float80,
} from './float80';
import { integer, specialOperand } from './arithmetic';
import {
  roundToFormat,
  roundToScale,
  statusBits,
  type FloatResult,
  type RoundingControl,
} from './rounding';

/** Single or double precision. */
export interface InterchangeFormat {
  readonly bits: 32 | 64;
  readonly fractionBits: 23 | 52;
  readonly bias: 127 | 1023;
}

export const single: InterchangeFormat = { bits: 32, fractionBits: 23, bias: 127 };
export const double: InterchangeFormat = { bits: 64, fractionBits: 52, bias: 1023 };

/** Bits for memory, with the status bits that the conversion sets. */
export interface StoredResult {
  readonly bits: bigint;
  readonly flags: number;
}

/** Expands a single- or double-precision value; exact, and a signaling NaN stays one. DE where it is denormal. */
export function fromInterchange(format: InterchangeFormat, bits: bigint): FloatResult {
  const { fractionBits, bias } = format;
  const special = 2 * bias + 1;
  const sign = bits >> BigInt(format.bits - 1) === 0n ? 0 : 1;
  const exponent = Number(bits >> BigInt(fractionBits)) & special;
  const fraction = bits & ((1n << BigInt(fractionBits)) - 1n);
  const aligned = fraction << BigInt(63 - fractionBits);
  if (exponent === special) {
    if (fraction === 0n) return { value: infinity(sign), flags: 0 };
    const value: Float80 = { sign, exponent: exponentSpecial, significand: integerBit | aligned };
    return { value, flags: 0 };
  }
  if (exponent !== 0) {
    const value: Float80 = {
      sign,
      exponent: exponent - bias + exponentBias,
      significand: integerBit | aligned,
    };
    return { value, flags: 0 };
  }
  if (fraction === 0n) return { value: zero(sign), flags: 0 };
  const length = bitLength(fraction);
  const value: Float80 = {
    sign,
    exponent: exponentBias + 1 - bias - fractionBits + length - 1,
    significand: fraction << BigInt(64 - length),
  };
  return { value, flags: statusBits.DE };
}

/** Rounds to single or double precision for a store. */
export function toInterchange(
  control: RoundingControl,
  format: InterchangeFormat,
  value: Float80,
): StoredResult {
  const { fractionBits, bias } = format;
  const assemble = (sign: number, exponent: number, fraction: bigint): bigint =>
    (((BigInt(sign) << BigInt(format.bits - 1 - fractionBits)) | BigInt(exponent)) <<
      BigInt(fractionBits)) |
    fraction;
  const fractionMask = (1n << BigInt(fractionBits)) - 1n;
  const special = 2 * bias + 1;
  const nan = specialOperand(value);
  if (nan !== undefined) {
    const fraction = (nan.value.significand >> BigInt(63 - fractionBits)) & fractionMask;
    return { bits: assemble(nan.value.sign, special, fraction), flags: nan.flags };
  }
  const kind = classOf(value);
  if (kind === 'infinity') return { bits: assemble(value.sign, special, 0n), flags: 0 };
  if (kind === 'zero') return { bits: assemble(value.sign, 0, 0n), flags: 0 };
  const limits = { precision: fractionBits + 1, exponentMin: 1 - bias, exponentMax: bias };
  const rounded = roundToFormat(control, limits, value.sign, value.significand, scaleOf(value));
  const { flags, significand } = rounded;
  if (rounded.isInfinite) return { bits: assemble(value.sign, special, 0n), flags };
  if (significand === 0n) return { bits: assemble(value.sign, 0, 0n), flags };
  const exponent = rounded.scale + bitLength(significand) - 1;
  if (exponent < 1 - bias) return { bits: assemble(value.sign, 0, significand), flags };
  const normal = significand << BigInt(fractionBits + 1 - bitLength(significand));
  return { bits: assemble(value.sign, exponent + bias, normal & fractionMask), flags };
}

/** FRNDINT. */
export function roundToInteger(control: RoundingControl, value: Float80): FloatResult {
  const special = specialOperand(value);
  if (special !== undefined) return special;
  const kind = classOf(value);
  if (kind === 'infinity' || kind === 'zero') return { value, flags: 0 };
  const denormal = kind === 'denormal' ? statusBits.DE : 0;
  const scale = scaleOf(value);
  if (scale >= 0) return { value, flags: denormal };
  const { magnitude, flags } = integerOf(control, value);
  if (magnitude === 0n) return { value: zero(value.sign), flags: flags | denormal };
  return { value: { ...integer(magnitude), sign: value.sign }, flags: flags | denormal };
}

/** A finite value rounded to an integer; its magnitude is only right below 2^80. */
function integerOf(
  control: RoundingControl,
  value: Float80,
): { readonly magnitude: bigint; readonly flags: number } {
  const scale = Math.min(scaleOf(value), 80);
  const { significand, isInexact, isUp } = roundToScale(
    control.mode,
    value.sign,
    value.significand,
    // Far below one half only the sign and the mode matter.
    Math.max(scale, -200),
    0,
  );
  const flags = isInexact ? statusBits.PE | (isUp ? statusBits.C1 : 0) : 0;
  return { magnitude: significand, flags };
}

/** FIST: a signed integer of 16, 32 or 64 bits; out of range it is the integer indefinite. */
export function toSignedInteger(
  control: RoundingControl,
  bits: 16 | 32 | 64,
  value: Float80,
): StoredResult {
  const limit = 1n << BigInt(bits - 1);
  const kind = classOf(value);
  if (kind === 'zero') return { bits: 0n, flags: 0 };
  if (kind === 'denormal' || kind === 'normal') {
    const { magnitude, flags } = integerOf(control, value);
    if (magnitude < limit || (magnitude === limit && value.sign === 1)) {
      const signed = value.sign === 1 ? -magnitude : magnitude;
      return { bits: BigInt.asUintN(bits, signed), flags };
    }
  }
  return { bits: limit, flags: statusBits.IE };
}

const decimalDigits = 18;
const decimalLimit = 10n ** BigInt(decimalDigits);
const decimalIndefinite = 0xffffc000000000000000n;

/** FBLD: eighteen packed decimal digits and a sign bit. */
export function fromDecimal(bits: bigint): Float80 {
  let magnitude = 0n;
  for (let digit = decimalDigits - 1; digit >= 0; digit--) {
    magnitude = magnitude * 10n + ((bits >> BigInt(4 * digit)) & 15n);
  }
  const sign = bits >> 79n === 0n ? 0 : 1;
  return { ...integer(magnitude), sign };
}

/** FBSTP. */
export function toDecimal(control: RoundingControl, value: Float80): StoredResult {
  const sign = BigInt(value.sign) << 79n;
  const kind = classOf(value);
  if (kind === 'zero') return { bits: sign, flags: 0 };
  if (kind === 'denormal' || kind === 'normal') {
    const { magnitude, flags } = integerOf(control, value);
    if (magnitude < decimalLimit) {
      return { bits: sign | BigInt(`0x${magnitude.toString(10)}`), flags };
    }
  }
  return { bits: decimalIndefinite, flags: statusBits.IE };
}

/** The constants, with the bits beyond the significand that rounding needs (SDM vol. 2, FLD1…). */
const constantBits = {
  one: [0, 1n << 127n],
  log2Of10: [1, 0xd49a784bcd1b8afe492bf6ff4dafdb4cn],
  log2OfE: [0, 0xb8aa3b295c17f0bbbe87fed0691d3e88n],
  pi: [1, 0xc90fdaa22168c234c4c6628b80dc1cd1n],
  log10Of2: [-2, 0x9a209a84fbcff7988f8959ac0b7c9178n],
  naturalLogOf2: [-1, 0xb17217f7d1cf79abc9e3b39803f2f6afn],
} as const;

export type ConstantName = keyof typeof constantBits;

/** A constant rounded as RC says, to 64 bits whatever the precision control. */
export function constant(name: ConstantName, mode: number): Float80 {
  const [exponent, bits] = constantBits[name];
  const { significand } = roundToScale(mode, 0, bits, 0, 64);
  return { sign: 0, exponent: exponentBias + exponent, significand };
}
