/**
 * Decoded records of a page as words that outlive the process: what a later one would decode from the same bytes,
 * without what depends on where records lie, and with what is known of how often they ran.
 */
import { recordWords as field } from './record';

/** Words of a packed record: those that each has, and those of the longest with displacement and immediate. */
export const packedWordsMin = 5;
export const packedWordsMax = 9;

/** The first packed word has the handler, then kinds of two bits each. */
const maskShift = 16;
const displacementShift = 18;
const immediateShift = 20;
/** Set where it was not passed often: what is known to be worth following stays so. */
const isCounted = 1 << 22;
/** How a value of 64 bits is packed: not at all, by its lower half, or by both. */
const zero = 0;
const signed = 1;
const whole = 2;
/** Address masks by their size; an undefined instruction has none. */
const noMask = 0;
const mask16 = 1;
const mask32 = 2;
const mask64 = 3;

function maskKind(low: number, high: number): number {
  if (low === 0) return noMask;
  if (low === 0xffff) return mask16;
  return high === 0 ? mask32 : mask64;
}

function wideKind(low: number, high: number): number {
  if ((low | high) === 0) return zero;
  return high === low >> 31 ? signed : whole;
}

/**
 * Appends the record at an address, whose handler may have been replaced; returns the index behind it.
 * @param counts whether passes through it are counted
 */
export function packRecord(
  words: Int32Array,
  record: number,
  counts: boolean,
  packed: Int32Array,
  at: number,
): number {
  const from = record >>> 2;
  const handlers = words[from] ?? 0;
  packed[at + 1] = words[from + field.operands] ?? 0;
  packed[at + 2] = words[from + field.addressing] ?? 0;
  packed[at + 3] = words[from + field.place] ?? 0;
  packed[at + 4] = words[from + field.length] ?? 0;
  let end = at + packedWordsMin;
  let low = words[from + field.displacement] ?? 0;
  let high = words[from + field.displacement + 1] ?? 0;
  const displacementKind = wideKind(low, high);
  if (displacementKind !== zero) packed[end++] = low;
  if (displacementKind === whole) packed[end++] = high;
  low = words[from + field.immediate] ?? 0;
  high = words[from + field.immediate + 1] ?? 0;
  const immediateKind = wideKind(low, high);
  if (immediateKind !== zero) packed[end++] = low;
  if (immediateKind === whole) packed[end++] = high;
  low = words[from + field.addressMask] ?? 0;
  high = words[from + field.addressMask + 1] ?? 0;
  // The lower half has what has replaced the handler.
  packed[at] =
    (handlers >>> 16) |
    (counts ? isCounted : 0) |
    (maskKind(low, high) << maskShift) |
    (displacementKind << displacementShift) |
    (immediateKind << immediateShift);
  return end;
}

/** Writes a packed record to an address, with its handler in both places; returns the index behind it. */
export function unpackRecord(
  packed: Int32Array,
  at: number,
  words: Int32Array,
  record: number,
): number {
  const to = record >>> 2;
  const first = packed[at] ?? 0;
  const handler = first & 0xffff;
  words[to] = handler | (handler << 16);
  words[to + field.operands] = packed[at + 1] ?? 0;
  words[to + field.addressing] = packed[at + 2] ?? 0;
  words[to + field.place] = packed[at + 3] ?? 0;
  words[to + field.length] = packed[at + 4] ?? 0;
  let end = at + packedWordsMin;
  let kind = (first >>> displacementShift) & 3;
  let low = kind === zero ? 0 : (packed[end++] ?? 0);
  words[to + field.displacement] = low;
  words[to + field.displacement + 1] = kind === whole ? (packed[end++] ?? 0) : low >> 31;
  kind = (first >>> immediateShift) & 3;
  low = kind === zero ? 0 : (packed[end++] ?? 0);
  words[to + field.immediate] = low;
  words[to + field.immediate + 1] = kind === whole ? (packed[end++] ?? 0) : low >> 31;
  kind = (first >>> maskShift) & 3;
  words[to + field.addressMask] = kind === noMask ? 0 : kind === mask16 ? 0xffff : -1;
  words[to + field.addressMask + 1] = kind === mask64 ? -1 : 0;
  words[to + field.link] = 0;
  words[to + field.countdown] = 0;
  words[to + field.region] = 0;
  return end;
}

/** Whether passes through the packed record at an index are to be counted. */
export function packedIsCounted(packed: Int32Array, at: number): boolean {
  return ((packed[at] ?? 0) & isCounted) !== 0;
}

/** Page offset of the packed record at an index. */
export function packedOffset(packed: Int32Array, at: number): number {
  return (packed[at + 3] ?? 0) >>> 16;
}
