/** RCPSS and RSQRTSS bit by bit as Intel processors answer: 12 bits of the value in the middle of a table interval. */

const fractionMask = 0x7fffff;
const quietBit = 0x400000;
const infinity = 0x7f800000;
const indefinite = 0xffc00000;
/** The result has 12 fraction bits. */
const resultScale = 4096;
const resultShift = 11;

function isNan(bits: number): boolean {
  return (bits & 0x7fffffff) >>> 0 > infinity;
}

/** 1/x; denormals count as zeros, and results too small for a normal number become zero. */
export function approximateReciprocal(bits: number): number {
  const sign = (bits & 0x80000000) >>> 0;
  const exponent = (bits >>> 23) & 0xff;
  if (isNan(bits)) return (bits | quietBit) >>> 0;
  if (exponent === 0xff) return sign;
  if (exponent === 0) return (sign | infinity) >>> 0;
  const interval = (bits & fractionMask) >>> 12;
  const middle = 1 + (interval + 0.5) / 2048;
  const fraction = Math.floor((2 / middle - 1) * resultScale + 0.5);
  const biased = 253 - exponent;
  if (biased <= 0) return sign;
  return (sign | (biased << 23) | (fraction << resultShift)) >>> 0;
}

/** 1/√x; denormals count as zeros. */
export function approximateReciprocalRoot(bits: number): number {
  const sign = (bits & 0x80000000) >>> 0;
  const exponent = (bits >>> 23) & 0xff;
  if (isNan(bits)) return (bits | quietBit) >>> 0;
  if (exponent === 0) return (sign | infinity) >>> 0;
  if (sign !== 0) return indefinite;
  if (exponent === 0xff) return 0;
  const isEven = ((exponent - 127) & 1) === 0;
  const interval = (bits & fractionMask) >>> 13;
  const middle = (1 + (interval + 0.5) / 1024) * (isEven ? 1 : 2);
  // Between 1 and 2 once doubled.
  const fraction = Math.floor((2 / Math.sqrt(middle) - 1) * resultScale + 0.5);
  const biased = 126 - (exponent - (isEven ? 127 : 128)) / 2;
  return ((biased << 23) | (fraction << resultShift)) >>> 0;
}
