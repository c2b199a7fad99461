/** Basic arithmetic on extended-precision values (SDM vol. 1, 8.3.5 and 8.5; tables of vol. 2, FADD to FSQRT). */
import {
  bitLength,
  classOf,
  exponentBias,
  indefinite,
  infinity,
  integerBit,
  isSignaling,
  propagateNan,
  quiet,
  scaleOf,
  zero,
  type Float80,
} from './float80';
import { roundToRegister, statusBits, type FloatResult, type RoundingControl } from './rounding';

export type BinaryOperation = (control: RoundingControl, a: Float80, b: Float80) => FloatResult;

export const invalid: FloatResult = { value: indefinite, flags: statusBits.IE };

/** The result where an operand is a NaN or unsupported; undefined for numbers and infinities. */
export function specialOperands(a: Float80, b: Float80): FloatResult | undefined {
  const classes = [classOf(a), classOf(b)];
  if (classes.includes('unsupported')) return invalid;
  if (!classes.includes('nan')) return undefined;
  const signals = [a, b].some((value) => classOf(value) === 'nan' && isSignaling(value));
  return { value: propagateNan(a, b), flags: signals ? statusBits.IE : 0 };
}

/** The result where the only operand is a NaN or unsupported. */
export function specialOperand(a: Float80): FloatResult | undefined {
  const kind = classOf(a);
  if (kind === 'unsupported') return invalid;
  if (kind !== 'nan') return undefined;
  return { value: quiet(a), flags: isSignaling(a) ? statusBits.IE : 0 };
}

/** DE where an operand is denormal. */
export function denormalFlag(...operands: readonly Float80[]): number {
  return operands.some((value) => classOf(value) === 'denormal') ? statusBits.DE : 0;
}

function flip(sign: 0 | 1): 0 | 1 {
  return sign === 0 ? 1 : 0;
}

function withFlags(result: FloatResult, flags: number): FloatResult {
  return flags === 0 ? result : { value: result.value, flags: result.flags | flags };
}

/** Rounds a signed multiple of 2^scale; an exact zero gets `zeroSign`. */
function roundSigned(
  control: RoundingControl,
  value: bigint,
  scale: number,
  zeroSign: 0 | 1,
): FloatResult {
  if (value === 0n) return { value: zero(zeroSign), flags: 0 };
  return value < 0n
    ? roundToRegister(control, 1, -value, scale)
    : roundToRegister(control, 0, value, scale);
}

/** Beyond this distance of exponents the smaller operand only decides the rounding. */
const distanceMax = 200;

function sumOfFinites(control: RoundingControl, a: Float80, b: Float80): FloatResult {
  // x + x keeps the sign of x; x - x is +0, or -0 when rounding down (SDM vol. 1, 4.8.3.1).
  const zeroSign = a.sign === b.sign ? a.sign : control.mode === 1 ? 1 : 0;
  if (a.significand === 0n) return roundSigned(control, signed(b), scaleOf(b), zeroSign);
  if (b.significand === 0n) return roundSigned(control, signed(a), scaleOf(a), zeroSign);
  const [high, low] = scaleOf(a) >= scaleOf(b) ? [a, b] : [b, a];
  const distance = scaleOf(high) - scaleOf(low);
  if (distance <= distanceMax) {
    const sum = (signed(high) << BigInt(distance)) + signed(low);
    return roundSigned(control, sum, scaleOf(low), zeroSign);
  }
  const sum = (signed(high) << BigInt(distanceMax)) + (low.sign === 1 ? -1n : 1n);
  return roundSigned(control, sum, scaleOf(high) - distanceMax, zeroSign);
}

function signed(value: Float80): bigint {
  return value.sign === 1 ? -value.significand : value.significand;
}

export const add: BinaryOperation = (control, a, b) => {
  const special = specialOperands(a, b);
  if (special !== undefined) return special;
  const flags = denormalFlag(a, b);
  const [aInfinite, bInfinite] = [classOf(a) === 'infinity', classOf(b) === 'infinity'];
  if (aInfinite && bInfinite && a.sign !== b.sign) return invalid;
  if (aInfinite || bInfinite) return { value: aInfinite ? a : b, flags };
  return withFlags(sumOfFinites(control, a, b), flags);
};

/** a - b. */
export const subtract: BinaryOperation = (control, a, b) => {
  if (classOf(b) === 'nan') return add(control, a, b);
  return add(control, a, { ...b, sign: flip(b.sign) });
};

/** b - a. */
export const subtractReversed: BinaryOperation = (control, a, b) => subtract(control, b, a);

export const multiply: BinaryOperation = (control, a, b) => {
  const special = specialOperands(a, b);
  if (special !== undefined) return special;
  const sign = a.sign === b.sign ? 0 : 1;
  const classes = [classOf(a), classOf(b)];
  const flags = denormalFlag(a, b);
  if (classes.includes('infinity')) {
    return classes.includes('zero') ? invalid : { value: infinity(sign), flags };
  }
  if (classes.includes('zero')) return { value: zero(sign), flags };
  const product = a.significand * b.significand;
  return withFlags(roundToRegister(control, sign, product, scaleOf(a) + scaleOf(b)), flags);
};

/** Quotient bits enough for any precision, whatever the operands' leading zeros. */
const quotientShift = 132;

/** a / b. */
export const divide: BinaryOperation = (control, a, b) => {
  const special = specialOperands(a, b);
  if (special !== undefined) return special;
  const sign = a.sign === b.sign ? 0 : 1;
  const [aClass, bClass] = [classOf(a), classOf(b)];
  const flags = denormalFlag(a, b);
  if (aClass === 'infinity') {
    return bClass === 'infinity' ? invalid : { value: infinity(sign), flags };
  }
  if (bClass === 'infinity') return { value: zero(sign), flags };
  if (bClass === 'zero') {
    if (aClass === 'zero') return invalid;
    return { value: infinity(sign), flags: statusBits.ZE };
  }
  if (aClass === 'zero') return { value: zero(sign), flags };
  const dividend = a.significand << BigInt(quotientShift);
  const quotient = dividend / b.significand;
  const isInexact = quotient * b.significand !== dividend;
  const significand = (quotient << 1n) | (isInexact ? 1n : 0n);
  const scale = scaleOf(a) - scaleOf(b) - quotientShift - 1;
  return withFlags(roundToRegister(control, sign, significand, scale), flags);
};

/** b / a. */
export const divideReversed: BinaryOperation = (control, a, b) => divide(control, b, a);

/** Largest integer whose square does not exceed `value`. */
function integerRoot(value: bigint): bigint {
  const bits = bitLength(value);
  let root = 1n << BigInt((bits + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

export function squareRoot(control: RoundingControl, a: Float80): FloatResult {
  const special = specialOperand(a);
  if (special !== undefined) return special;
  const kind = classOf(a);
  if (kind === 'zero') return { value: a, flags: 0 };
  if (a.sign === 1) return invalid;
  if (kind === 'infinity') return { value: a, flags: 0 };
  const scale = scaleOf(a);
  const shift = 138 + (scale & 1);
  const radicand = a.significand << BigInt(shift);
  const root = integerRoot(radicand);
  const significand = (root << 1n) | (root * root === radicand ? 0n : 1n);
  const rounded = roundToRegister(control, 0, significand, (scale - shift) / 2 - 1);
  return withFlags(rounded, denormalFlag(a));
}

/** A remainder, with the quotient's low three bits where the reduction is complete. */
export interface Remainder extends FloatResult {
  readonly progress: number | 'partial' | 'none';
}

/** FPREM (quotient truncated) or FPREM1 (to nearest); exact, so precision and rounding control do not matter. */
export function remainder(
  control: RoundingControl,
  a: Float80,
  b: Float80,
  isNearest: boolean,
): Remainder {
  const special = specialOperands(a, b);
  if (special !== undefined) return { ...special, progress: 'none' };
  const [aClass, bClass] = [classOf(a), classOf(b)];
  if (aClass === 'infinity' || bClass === 'zero') return { ...invalid, progress: 'none' };
  const flags = denormalFlag(a, b);
  if (bClass === 'infinity') {
    return { value: unchanged(a), flags, progress: 0 };
  }
  if (aClass === 'zero') return { value: a, flags, progress: 0 };
  return reduce(control, a, b, isNearest, flags);
}

/** A value that an operation leaves alone; only a pseudo-denormal becomes the normal number that it is. */
function unchanged(a: Float80): Float80 {
  return a.exponent === 0 && a.significand >= integerBit ? { ...a, exponent: 1 } : a;
}

function reduce(
  control: RoundingControl,
  a: Float80,
  b: Float80,
  isNearest: boolean,
  flags: number,
): Remainder {
  const full = { ...control, precision: 64 };
  const distance = leadingOf(a) - leadingOf(b);
  const shift = scaleOf(a) - scaleOf(b);
  const [dividend, divisor] =
    shift >= 0
      ? [a.significand << BigInt(shift), b.significand]
      : [a.significand, b.significand << BigInt(-shift)];
  const scale = Math.min(scaleOf(a), scaleOf(b));
  if (distance >= 64) {
    // Takes between 32 and 63 off the exponent's distance (SDM vol. 2, FPREM); how many is the processor's choice.
    const part = BigInt(distance - ((distance & 0x1f) | 0x20));
    const rest = dividend % (divisor << part);
    if (rest === 0n) return { value: zero(a.sign), flags, progress: 'partial' };
    const rounded = roundToRegister(full, a.sign, rest, scale);
    return { ...withFlags(rounded, flags), progress: 'partial' };
  }
  let quotient = dividend / divisor;
  let rest = dividend - quotient * divisor;
  let { sign } = a;
  if (isNearest && (2n * rest > divisor || (2n * rest === divisor && (quotient & 1n) !== 0n))) {
    quotient += 1n;
    rest = divisor - rest;
    sign = flip(sign);
  }
  const low = Number(quotient & 7n);
  if (rest === 0n) return { value: zero(a.sign), flags, progress: low };
  return { ...withFlags(roundToRegister(full, sign, rest, scale), flags), progress: low };
}

/** Exponent of the leading bit of a finite, non-zero value. */
function leadingOf(value: Float80): number {
  return scaleOf(value) + bitLength(value.significand) - 1;
}

/** FSCALE: a × 2^trunc(b) (SDM vol. 2, table 3-39). */
export function scaleByPower(control: RoundingControl, a: Float80, b: Float80): FloatResult {
  const special = specialOperands(a, b);
  if (special !== undefined) return special;
  const [aClass, bClass] = [classOf(a), classOf(b)];
  const flags = denormalFlag(a, b);
  if (bClass === 'infinity') {
    if (b.sign === 0) {
      return aClass === 'zero' ? invalid : { value: infinity(a.sign), flags };
    }
    return aClass === 'infinity' ? invalid : { value: zero(a.sign), flags };
  }
  if (aClass === 'infinity' || aClass === 'zero') return { value: a, flags };
  if (bClass === 'zero') return { value: unchanged(a), flags };
  const power = truncate(b);
  const full = { ...control, precision: 64 };
  return withFlags(roundToRegister(full, a.sign, a.significand, scaleOf(a) + power), flags);
}

/** Integer part of a finite value, at most a range that surely overflows. */
function truncate(value: Float80): number {
  const scale = scaleOf(value);
  const magnitude =
    scale >= 0 || value.exponent >= exponentBias + 17
      ? 0x20000
      : Number(value.significand >> BigInt(Math.min(-scale, 64)));
  return value.sign === 1 ? -magnitude : magnitude;
}

/** FXTRACT: the exponent as a number, and the significand with exponent 0. */
export function extract(a: Float80): {
  readonly exponent: Float80;
  readonly significand: Float80;
  readonly flags: number;
} {
  const special = specialOperand(a);
  if (special !== undefined) {
    return { exponent: special.value, significand: special.value, flags: special.flags };
  }
  switch (classOf(a)) {
    case 'infinity':
      return { exponent: infinity(0), significand: a, flags: 0 };
    case 'zero':
      return { exponent: infinity(1), significand: a, flags: statusBits.ZE };
    default: {
      const leading = leadingOf(a);
      const length = BigInt(bitLength(a.significand));
      const significand = a.significand << (64n - length);
      return {
        exponent: integer(BigInt(leading)),
        significand: { sign: a.sign, exponent: exponentBias, significand },
        flags: denormalFlag(a),
      };
    }
  }
}

/** An integer of at most 64 bits as an extended-precision value; always exact. */
export function integer(value: bigint): Float80 {
  if (value === 0n) return zero(0);
  const sign = value < 0n ? 1 : 0;
  const magnitude = value < 0n ? -value : value;
  const length = bitLength(magnitude);
  const significand = magnitude << BigInt(64 - length);
  return { sign, exponent: exponentBias + length - 1, significand };
}
