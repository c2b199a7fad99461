/** Rounds exact values to a format, with the exceptions of the x87 FPU (SDM vol. 1, 4.8.4 and 8.5). */
import { bitLength, exponentBias, exponentSpecial, infinity, zero, type Float80 } from './float80';

/** Bits of the status word (SDM vol. 1, figure 8-4). */
export const statusBits = {
  IE: 1,
  DE: 2,
  ZE: 4,
  OE: 8,
  UE: 0x10,
  PE: 0x20,
  SF: 0x40,
  ES: 0x80,
  C0: 0x100,
  C1: 0x200,
  C2: 0x400,
  C3: 0x4000,
  B: 0x8000,
} as const;

/** What an instruction's rounding depends on. */
export interface RoundingControl {
  /** RC: 0 to nearest, 1 down, 2 up, 3 towards zero. */
  readonly mode: number;
  /** Significand bits of results: 24, 53 or 64. */
  readonly precision: number;
  /** Exception masks, at the positions of the status word's flags. */
  readonly masks: number;
}

/** A result with the status bits (exceptions and C1) that it sets. */
export interface FloatResult {
  readonly value: Float80;
  readonly flags: number;
}

/** A binary format of a destination. */
export interface Format {
  readonly precision: number;
  /** Unbiased exponents of normal numbers. */
  readonly exponentMin: number;
  readonly exponentMax: number;
}

/** A value rounded to a format: ± significand × 2^scale, or infinity. */
export interface Rounded {
  readonly significand: bigint;
  readonly scale: number;
  readonly isInfinite: boolean;
  readonly flags: number;
}

/** An integer multiple of 2^scale, with what was lost. */
interface Multiple {
  readonly significand: bigint;
  readonly isInexact: boolean;
  readonly isUp: boolean;
}

/** Rounds ± significand × 2^from to a multiple of 2^to. */
export function roundToScale(
  mode: number,
  sign: 0 | 1,
  significand: bigint,
  from: number,
  to: number,
): Multiple {
  if (to <= from) {
    const exact = significand << BigInt(from - to);
    return { significand: exact, isInexact: false, isUp: false };
  }
  const shift = BigInt(to - from);
  const kept = significand >> shift;
  const rest = significand - (kept << shift);
  if (rest === 0n) return { significand: kept, isInexact: false, isUp: false };
  const isUp = roundsUp(mode, sign, rest, 1n << (shift - 1n), (kept & 1n) !== 0n);
  return { significand: isUp ? kept + 1n : kept, isInexact: true, isUp };
}

function roundsUp(mode: number, sign: 0 | 1, rest: bigint, half: bigint, isOdd: boolean): boolean {
  switch (mode) {
    case 0:
      return rest > half || (rest === half && isOdd);
    case 1:
      return sign === 1;
    case 2:
      return sign === 0;
    default:
      return false;
  }
}

function inexactFlags(rounded: Multiple): number {
  if (!rounded.isInexact) return 0;
  return rounded.isUp ? statusBits.PE | statusBits.C1 : statusBits.PE;
}

/**
 * Rounds ± significand × 2^scale (significand > 0) to a format. Tininess is detected after rounding. Where overflow
 * or underflow is unmasked the result has the format's precision but an exponent outside its range.
 */
export function roundToFormat(
  control: RoundingControl,
  format: Format,
  sign: 0 | 1,
  significand: bigint,
  scale: number,
): Rounded {
  const { precision, exponentMin, exponentMax } = format;
  const leading = scale + bitLength(significand) - 1;
  const to = leading - precision + 1;
  const rounded = roundToScale(control.mode, sign, significand, scale, to);
  const exponent = to + bitLength(rounded.significand) - 1;
  const flags = inexactFlags(rounded);
  const inRange = { significand: rounded.significand, scale: to, isInfinite: false, flags };
  if (exponent > exponentMax) {
    if ((control.masks & statusBits.OE) === 0) {
      return { ...inRange, flags: flags | statusBits.OE };
    }
    return overflow(control, format, sign);
  }
  if (exponent >= exponentMin) return inRange;
  if ((control.masks & statusBits.UE) === 0) {
    return { ...inRange, flags: flags | statusBits.UE };
  }
  const lowest = exponentMin - precision + 1;
  const denormal = roundToScale(control.mode, sign, significand, scale, lowest);
  return {
    significand: denormal.significand,
    scale: lowest,
    isInfinite: false,
    flags: inexactFlags(denormal) | (denormal.isInexact ? statusBits.UE : 0),
  };
}

/** The masked response to overflow (SDM vol. 1, table 4-10). */
function overflow(control: RoundingControl, format: Format, sign: 0 | 1): Rounded {
  const isInfinite = control.mode === 0 || control.mode === (sign === 0 ? 2 : 1);
  const flags = statusBits.OE | statusBits.PE | (isInfinite ? statusBits.C1 : 0);
  const significand = (1n << BigInt(format.precision)) - 1n;
  const scale = format.exponentMax - format.precision + 1;
  return { significand, scale, isInfinite, flags };
}

const exponentMin = 1 - exponentBias;
const exponentMax = exponentBias;
/** Added to or taken from an exponent that leaves the range unmasked (SDM vol. 1, 8.5.4 and 8.5.5). */
const biasAdjustment = 24576;

/** Rounds ± significand × 2^scale (significand > 0) to a register, under the precision control. */
export function roundToRegister(
  control: RoundingControl,
  sign: 0 | 1,
  significand: bigint,
  scale: number,
): FloatResult {
  const { precision } = control;
  const format = { precision, exponentMin, exponentMax };
  const rounded = roundToFormat(control, format, sign, significand, scale);
  const { flags } = rounded;
  if (rounded.isInfinite) {
    return { value: infinity(sign), flags };
  }
  if (rounded.significand === 0n) return { value: zero(sign), flags };
  const bits = bitLength(rounded.significand);
  const exponent = rounded.scale + bits - 1 + exponentBias;
  const normal = rounded.significand << BigInt(64 - bits);
  if (exponent - biasAdjustment >= exponentSpecial) {
    return { value: infinity(sign), flags: flags | statusBits.PE | statusBits.C1 };
  }
  if (exponent >= exponentSpecial) {
    return { value: { sign, exponent: exponent - biasAdjustment, significand: normal }, flags };
  }
  if (exponent >= 1) return { value: { sign, exponent, significand: normal }, flags };
  if ((control.masks & statusBits.UE) === 0) {
    // Beyond what the adjusted exponent can express: only FSCALE goes so far (SDM vol. 1, 8.5.4 and 8.5.5).
    if (exponent + biasAdjustment < 1) return { value: zero(sign), flags: flags | statusBits.PE };
    return { value: { sign, exponent: exponent + biasAdjustment, significand: normal }, flags };
  }
  const denormal = rounded.significand << BigInt(rounded.scale - (exponentMin - 63));
  return { value: { sign, exponent: 0, significand: denormal }, flags };
}
