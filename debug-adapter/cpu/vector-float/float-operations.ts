/** The SSE operations on one element, exact in value and in MXCSR flags (SDM vol. 1, 11.5; appendix E). */
import {
  bitLength,
  floatFlag,
  indefiniteOf,
  infinityOf,
  quietNan,
  rounding,
  roundAndPack,
  roundShift,
  unpack,
  zeroOf,
  type FloatEnvironment,
  type FloatFormat,
  type FloatValue,
} from './float-format';

/** Computes one element from the encodings of two. */
export type BinaryOperation = (
  format: FloatFormat,
  environment: FloatEnvironment,
  a: bigint,
  b: bigint,
) => bigint;

/** How two values compare; `unordered` where one is a NaN. */
export type Ordering = 'less' | 'equal' | 'greater' | 'unordered';

type Combine = (
  format: FloatFormat,
  environment: FloatEnvironment,
  a: Exclude<FloatValue, { kind: 'nan' }>,
  b: Exclude<FloatValue, { kind: 'nan' }>,
) => bigint;

function isDenormal(value: FloatValue): boolean {
  return value.kind === 'finite' && value.isDenormal;
}

function noteDenormals(environment: FloatEnvironment, ...values: readonly FloatValue[]): void {
  if (values.some(isDenormal)) environment.raise(floatFlag.DE);
}

function invalid(format: FloatFormat, environment: FloatEnvironment): bigint {
  environment.raise(floatFlag.IE);
  return indefiniteOf(format);
}

/** NaNs come before everything else: the first operand's if it is one (SDM vol. 1, table 4-7). */
function arithmetic(combine: Combine): BinaryOperation {
  return (format, environment, aBits, bBits) => {
    const a = unpack(format, aBits, environment);
    const b = unpack(format, bBits, environment);
    if (a.kind === 'nan' || b.kind === 'nan') {
      const signaling = [a, b].some((value) => value.kind === 'nan' && value.isSignaling);
      if (signaling) environment.raise(floatFlag.IE);
      return quietNan(format, a.kind === 'nan' ? aBits : bBits);
    }
    return combine(format, environment, a, b);
  };
}

function addValues(negateSecond: boolean): Combine {
  return (format, environment, a, second) => {
    const b = negateSecond
      ? { ...second, sign: second.sign === 1 ? (0 as const) : (1 as const) }
      : second;
    if (a.kind === 'infinity' && b.kind === 'infinity' && a.sign !== b.sign) {
      return invalid(format, environment);
    }
    noteDenormals(environment, a, b);
    if (a.kind === 'infinity') return infinityOf(format, a.sign);
    if (b.kind === 'infinity') return infinityOf(format, b.sign);
    return addFinite(format, environment, a, b);
  };
}

type Addend = Exclude<FloatValue, { kind: 'nan' }>;

function signed(value: Addend, exponent: number): bigint {
  if (value.kind !== 'finite') return 0n;
  const magnitude = value.significand << BigInt(value.exponent - exponent);
  return value.sign === 1 ? -magnitude : magnitude;
}

function addFinite(
  format: FloatFormat,
  environment: FloatEnvironment,
  a: Addend,
  b: Addend,
): bigint {
  const exponents = [a, b].flatMap((value) => (value.kind === 'finite' ? [value.exponent] : []));
  if (exponents.length === 0 && a.sign === b.sign) return zeroOf(format, a.sign);
  const exponent = Math.min(...exponents);
  const sum = exponents.length === 0 ? 0n : signed(a, exponent) + signed(b, exponent);
  if (sum === 0n) return zeroOf(format, environment.roundingMode === rounding.down ? 1 : 0);
  const sign = sum < 0n ? 1 : 0;
  const significand = sum < 0n ? -sum : sum;
  return roundAndPack(format, environment, { sign, significand, exponent });
}

const multiplyValues: Combine = (format, environment, a, b) => {
  const sign = a.sign === b.sign ? 0 : 1;
  const hasZero = a.kind === 'zero' || b.kind === 'zero';
  const hasInfinity = a.kind === 'infinity' || b.kind === 'infinity';
  if (hasZero && hasInfinity) return invalid(format, environment);
  noteDenormals(environment, a, b);
  if (hasInfinity) return infinityOf(format, sign);
  if (a.kind !== 'finite' || b.kind !== 'finite') return zeroOf(format, sign);
  const significand = a.significand * b.significand;
  const exponent = a.exponent + b.exponent;
  return roundAndPack(format, environment, { sign, significand, exponent });
};

const divideValues: Combine = (format, environment, a, b) => {
  const sign = a.sign === b.sign ? 0 : 1;
  if (a.kind === b.kind && a.kind !== 'finite') return invalid(format, environment);
  if (b.kind === 'zero' && a.kind === 'finite') {
    environment.raise(floatFlag.ZE);
    return infinityOf(format, sign);
  }
  noteDenormals(environment, a, b);
  if (a.kind === 'infinity' || b.kind === 'zero') return infinityOf(format, sign);
  if (a.kind !== 'finite' || b.kind !== 'finite') return zeroOf(format, sign);
  const precision = format.fractionBits + 4;
  const shift = Math.max(0, precision + bitLength(b.significand) - bitLength(a.significand));
  const dividend = a.significand << BigInt(shift);
  const significand = dividend / b.significand;
  const exponent = a.exponent - b.exponent - shift;
  const sticky = significand * b.significand !== dividend;
  return roundAndPack(format, environment, { sign, significand, exponent }, sticky);
};

/** Square root of the second operand; the first is not looked at. */
export const squareRoot: BinaryOperation = (format, environment, _a, bits) => {
  const value = unpack(format, bits, environment);
  if (value.kind === 'nan') {
    if (value.isSignaling) environment.raise(floatFlag.IE);
    return quietNan(format, bits);
  }
  if (value.kind === 'zero') return zeroOf(format, value.sign);
  if (value.sign === 1) return invalid(format, environment);
  if (value.kind === 'infinity') return infinityOf(format, 0);
  noteDenormals(environment, value);
  const wanted = 2 * (format.fractionBits + 4);
  let shift = Math.max(0, wanted - bitLength(value.significand));
  if (((value.exponent - shift) & 1) !== 0) shift++;
  const radicand = value.significand << BigInt(shift);
  const significand = integerRoot(radicand);
  const exponent = (value.exponent - shift) / 2;
  const sticky = significand * significand !== radicand;
  return roundAndPack(format, environment, { sign: 0, significand, exponent }, sticky);
};

/** Largest integer whose square does not exceed `value` > 0, by Newton's method from above. */
function integerRoot(value: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(bitLength(value) / 2));
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function orderOf(a: FloatValue, b: FloatValue): Ordering {
  if (a.kind === 'nan' || b.kind === 'nan') return 'unordered';
  const left = rank(a);
  const right = rank(b);
  if (left !== right) return left < right ? 'less' : 'greater';
  if (a.kind !== 'finite' || b.kind !== 'finite') return 'equal';
  const exponent = Math.min(a.exponent, b.exponent);
  const difference = signed(a, exponent) - signed(b, exponent);
  return difference === 0n ? 'equal' : difference < 0n ? 'less' : 'greater';
}

/** -2 to 2: negative infinity, negative, zero, positive, positive infinity. */
function rank(value: FloatValue): number {
  const magnitude = { zero: 0, finite: 1, infinity: 2, nan: 0 }[value.kind];
  return value.sign === 1 ? -magnitude : magnitude;
}

/**
 * Compares, raising IE for signaling NaNs, and for quiet ones where `signalsQuiet`.
 * NaNs come before denormals.
 */
export function compareFloats(
  format: FloatFormat,
  environment: FloatEnvironment,
  aBits: bigint,
  bBits: bigint,
  signalsQuiet: boolean,
): Ordering {
  const a = unpack(format, aBits, environment);
  const b = unpack(format, bBits, environment);
  for (const value of [a, b]) {
    if (value.kind === 'nan' && (value.isSignaling || signalsQuiet)) {
      environment.raise(floatFlag.IE);
    }
  }
  const ordering = orderOf(a, b);
  if (ordering !== 'unordered') noteDenormals(environment, a, b);
  return ordering;
}

/** MIN and MAX: the second operand, as it is, where one is a NaN or both are zeros (SDM vol. 2, MINPD). */
function selectBy(wanted: Ordering): BinaryOperation {
  return (format, environment, aBits, bBits) => {
    const chosen =
      compareFloats(format, environment, aBits, bBits, true) === wanted ? aBits : bBits;
    const value = unpack(format, chosen, environment);
    return value.kind === 'zero' ? zeroOf(format, value.sign) : chosen;
  };
}

export const binaryOperations = {
  add: arithmetic(addValues(false)),
  sub: arithmetic(addValues(true)),
  mul: arithmetic(multiplyValues),
  div: arithmetic(divideValues),
  min: selectBy('less'),
  max: selectBy('greater'),
  sqrt: squareRoot,
} as const;

/** Predicate of CMPPS and its kin: bits 1:0 choose, bit 2 negates. */
export function comparePredicate(
  format: FloatFormat,
  environment: FloatEnvironment,
  a: bigint,
  b: bigint,
  predicate: number,
): boolean {
  const kind = predicate & 3;
  const ordering = compareFloats(format, environment, a, b, kind === 1 || kind === 2);
  const holds =
    (kind === 0 && ordering === 'equal') ||
    (kind === 1 && ordering === 'less') ||
    (kind === 2 && (ordering === 'less' || ordering === 'equal')) ||
    (kind === 3 && ordering === 'unordered');
  return holds !== ((predicate & 4) !== 0);
}

/** Converts between the two formats. */
export function convertFloat(
  from: FloatFormat,
  to: FloatFormat,
  environment: FloatEnvironment,
  bits: bigint,
): bigint {
  const value = unpack(from, bits, environment);
  switch (value.kind) {
    case 'nan': {
      if (value.isSignaling) environment.raise(floatFlag.IE);
      const shift = BigInt(to.fractionBits - from.fractionBits);
      const fraction = bits & ((1n << BigInt(from.fractionBits)) - 1n);
      const moved = shift > 0n ? fraction << shift : fraction >> -shift;
      return quietNan(to, infinityOf(to, value.sign) | moved);
    }
    case 'infinity':
      return infinityOf(to, value.sign);
    case 'zero':
      return zeroOf(to, value.sign);
    case 'finite':
      noteDenormals(environment, value);
      return roundAndPack(to, environment, value);
  }
}

/**
 * Converts to a signed integer of `width` bits; the integer indefinite where that is impossible (SDM vol. 1, 4.8.4).
 * @param truncates rounds toward zero whatever MXCSR.RC says
 */
export function floatToInteger(
  format: FloatFormat,
  environment: FloatEnvironment,
  bits: bigint,
  width: 32 | 64,
  truncates: boolean,
): bigint {
  const value = unpack(format, bits, environment);
  const limit = 1n << BigInt(width - 1);
  if (value.kind === 'zero') return 0n;
  if (value.kind === 'finite') {
    const mode = truncates ? rounding.zero : environment.roundingMode;
    const { sign, significand, exponent } = value;
    const rounded = roundShift(significand, -exponent, mode, sign, false);
    const integer = sign === 1 ? -rounded.result : rounded.result;
    if (integer >= -limit && integer < limit) {
      if (rounded.inexact) environment.raise(floatFlag.PE);
      return BigInt.asUintN(width, integer);
    }
  }
  environment.raise(floatFlag.IE);
  return limit;
}

/** Converts a signed integer. */
export function integerToFloat(
  format: FloatFormat,
  environment: FloatEnvironment,
  integer: bigint,
): bigint {
  if (integer === 0n) return zeroOf(format, 0);
  const sign = integer < 0n ? 1 : 0;
  const significand = integer < 0n ? -integer : integer;
  return roundAndPack(format, environment, { sign, significand, exponent: 0 });
}
