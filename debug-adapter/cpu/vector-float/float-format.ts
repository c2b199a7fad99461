/** Binary floating-point formats as integers: takes values apart, and rounds exact ones (IEEE 754, SDM vol. 1, 4.8). */

/** An interchange format. */
export interface FloatFormat {
  readonly width: 32 | 64;
  /** Stored bits of the significand. */
  readonly fractionBits: number;
  /** Of the exponent; also the largest unbiased exponent. */
  readonly bias: number;
}

export const binary32: FloatFormat = { width: 32, fractionBits: 23, bias: 127 };
export const binary64: FloatFormat = { width: 64, fractionBits: 52, bias: 1023 };

/** MXCSR bits (SDM vol. 1, figure 10-3). Masks are the flags shifted left by 7. */
export const floatFlag = { IE: 1, DE: 2, ZE: 4, OE: 8, UE: 16, PE: 32 } as const;
const denormalsAreZeros = 0x40;
const flushToZero = 0x8000;
export const maskShift = 7;

/** MXCSR.RC. */
export const rounding = { nearest: 0, down: 1, up: 2, zero: 3 } as const;

/** What MXCSR demands, and the flags that one instruction raised. */
export class FloatEnvironment {
  flags = 0;

  constructor(readonly mxcsr: number) {}

  get roundingMode(): number {
    return (this.mxcsr >>> 13) & 3;
  }

  get denormalsAreZeros(): boolean {
    return (this.mxcsr & denormalsAreZeros) !== 0;
  }

  get flushesToZero(): boolean {
    return (this.mxcsr & flushToZero) !== 0;
  }

  isMasked(flag: number): boolean {
    return (this.mxcsr & (flag << maskShift)) !== 0;
  }

  raise(flags: number): void {
    this.flags |= flags;
  }
}

/** A number: (-1)^sign × significand × 2^exponent. */
export interface FiniteValue {
  readonly kind: 'finite';
  readonly sign: 0 | 1;
  readonly significand: bigint;
  readonly exponent: number;
  readonly isDenormal: boolean;
}

export type FloatValue =
  | FiniteValue
  | { readonly kind: 'zero'; readonly sign: 0 | 1 }
  | { readonly kind: 'infinity'; readonly sign: 0 | 1 }
  | { readonly kind: 'nan'; readonly sign: 0 | 1; readonly isSignaling: boolean };

/** Takes an encoding apart; a denormal counts as zero where MXCSR.DAZ says so. */
export function unpack(
  format: FloatFormat,
  bits: bigint,
  environment: FloatEnvironment,
): FloatValue {
  const { fractionBits, bias, width } = format;
  const sign = (bits >> BigInt(width - 1)) & 1n ? 1 : 0;
  const fraction = bits & ((1n << BigInt(fractionBits)) - 1n);
  const biased = Number((bits >> BigInt(fractionBits)) & BigInt(2 * bias + 1));
  if (biased === 2 * bias + 1) {
    if (fraction === 0n) return { kind: 'infinity', sign };
    return { kind: 'nan', sign, isSignaling: fraction >> BigInt(fractionBits - 1) === 0n };
  }
  if (biased === 0) {
    if (fraction === 0n || environment.denormalsAreZeros) return { kind: 'zero', sign };
    const exponent = 1 - bias - fractionBits;
    return { kind: 'finite', sign, significand: fraction, exponent, isDenormal: true };
  }
  const significand = fraction | (1n << BigInt(fractionBits));
  const exponent = biased - bias - fractionBits;
  return { kind: 'finite', sign, significand, exponent, isDenormal: false };
}

function signBits(format: FloatFormat, sign: 0 | 1): bigint {
  return BigInt(sign) << BigInt(format.width - 1);
}

export function zeroOf(format: FloatFormat, sign: 0 | 1): bigint {
  return signBits(format, sign);
}

export function infinityOf(format: FloatFormat, sign: 0 | 1): bigint {
  const exponent = BigInt(2 * format.bias + 1) << BigInt(format.fractionBits);
  return signBits(format, sign) | exponent;
}

/** The QNaN floating-point indefinite (SDM vol. 1, table 4-3). */
export function indefiniteOf(format: FloatFormat): bigint {
  return infinityOf(format, 1) | (1n << BigInt(format.fractionBits - 1));
}

export function quietNan(format: FloatFormat, bits: bigint): bigint {
  return bits | (1n << BigInt(format.fractionBits - 1));
}

const wordLimit = 1n << 32n;

/** Length of a positive integer in bits. */
export function bitLength(value: bigint): number {
  let high = value;
  let bits = 0;
  while (high >= wordLimit) {
    high >>= 32n;
    bits += 32;
  }
  return bits + 32 - Math.clz32(Number(high));
}

/**
 * `value` × 2^-shift rounded to an integer.
 * @param sticky the true value is a little larger than `value`
 */
export function roundShift(
  value: bigint,
  shift: number,
  mode: number,
  sign: 0 | 1,
  sticky: boolean,
): { readonly result: bigint; readonly inexact: boolean } {
  if (shift <= 0) {
    const scaled = value << BigInt(-shift);
    const away = sticky && awayFromZero(mode, sign, -1, false);
    return { result: away ? scaled + 1n : scaled, inexact: sticky };
  }
  const whole = value >> BigInt(shift);
  const rest = value - (whole << BigInt(shift));
  if (rest === 0n && !sticky) return { result: whole, inexact: false };
  const half = 1n << BigInt(shift - 1);
  const order = rest > half || (rest === half && sticky) ? 1 : rest === half ? 0 : -1;
  const up = awayFromZero(mode, sign, order, (whole & 1n) === 1n);
  return { result: up ? whole + 1n : whole, inexact: true };
}

/** @param order of the lost part against half a unit: -1, 0 or 1 */
function awayFromZero(mode: number, sign: 0 | 1, order: number, isOdd: boolean): boolean {
  switch (mode) {
    case rounding.nearest:
      return order > 0 || (order === 0 && isOdd);
    case rounding.down:
      return sign === 1;
    case rounding.up:
      return sign === 0;
    default:
      return false;
  }
}

function overflow(format: FloatFormat, sign: 0 | 1, mode: number): bigint {
  const infinity = infinityOf(format, sign);
  const toInfinity = awayFromZero(mode, sign, 1, false);
  return toInfinity ? infinity : infinity - 1n;
}

/**
 * Rounds significand × 2^exponent (significand > 0) and raises OE, UE and PE. Tininess is detected after rounding.
 * @param sticky the exact value is a little larger in magnitude
 */
export function roundAndPack(
  format: FloatFormat,
  environment: FloatEnvironment,
  value: { readonly sign: 0 | 1; readonly significand: bigint; readonly exponent: number },
  sticky = false,
): bigint {
  const { fractionBits, bias } = format;
  const { sign, significand, exponent } = value;
  const mode = environment.roundingMode;
  const top = exponent + bitLength(significand) - 1;
  const minimum = 1 - bias;
  const unbounded = roundShift(significand, top - fractionBits - exponent, mode, sign, sticky);
  if (top >= minimum) return packNormal(format, environment, sign, top, unbounded);
  const isCarried = unbounded.result >> BigInt(fractionBits + 1) !== 0n;
  const isTiny = top + (isCarried ? 1 : 0) < minimum;
  const denormal = roundShift(significand, minimum - fractionBits - exponent, mode, sign, sticky);
  let { inexact } = denormal;
  if (isTiny) {
    const isMasked = environment.isMasked(floatFlag.UE);
    if (isMasked && environment.flushesToZero) {
      environment.raise(floatFlag.UE | floatFlag.PE);
      return zeroOf(format, sign);
    }
    // Unmasked, the result that counts is the one with an unbounded exponent (SDM vol. 1, 4.9.1.5).
    if (!isMasked) inexact = unbounded.inexact;
    if (!isMasked || inexact) environment.raise(floatFlag.UE);
  }
  if (inexact) environment.raise(floatFlag.PE);
  return signBits(format, sign) | denormal.result;
}

function packNormal(
  format: FloatFormat,
  environment: FloatEnvironment,
  sign: 0 | 1,
  top: number,
  rounded: { readonly result: bigint; readonly inexact: boolean },
): bigint {
  const { fractionBits, bias } = format;
  // A carry out of the significand makes the sum below reach the next exponent by itself.
  const encoded = (BigInt(top + bias - 1) << BigInt(fractionBits)) + rounded.result;
  if (encoded >= infinityOf(format, 0)) {
    environment.raise(floatFlag.OE);
    if (rounded.inexact || environment.isMasked(floatFlag.OE)) environment.raise(floatFlag.PE);
    return overflow(format, sign, environment.roundingMode);
  }
  if (rounded.inexact) environment.raise(floatFlag.PE);
  return signBits(format, sign) | encoded;
}
