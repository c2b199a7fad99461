/**
 * Decoded records of a page as words that outlive the process: what a later one would decode from the same bytes,
 * without what depends on where records lie, and with what is known of how often they ran.
 */
import { pseudoHandler, recordOffsets } from './record';

/** Words of a packed record: those that each has, and those of the longest with displacement and immediate. */
export const packedWordsMin = 5;
export const packedWordsMax = 9;

/** Words of a record. Thousands of pages are unpacked at a start: there is no loop over them. */
const operands = recordOffsets.dst >>> 2;
const addressing = recordOffsets.base >>> 2;
const place = recordOffsets.segmentBase >>> 2;
const displacement = recordOffsets.displacement >>> 2;
const immediate = recordOffsets.immediate >>> 2;
const addressMask = recordOffsets.addressMask >>> 2;
const link = recordOffsets.link >>> 2;
const length = recordOffsets.nextOffset >>> 2;
const countdown = recordOffsets.countdown >>> 2;
const region = recordOffsets.regionSlot >>> 2;

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

/** Appends the record at an address; returns the index behind it. */
export function packRecord(
  words: Int32Array,
  record: number,
  packed: Int32Array,
  at: number,
): number {
  const from = record >>> 2;
  const word = (index: number): number => words[from + index] ?? 0;
  packed[at + 1] = word(operands);
  packed[at + 2] = word(addressing);
  packed[at + 3] = word(place);
  packed[at + 4] = word(length);
  // Regions and breakpoints replace the handler in the lower half.
  let first = word(0) >>> 16;
  if ((word(0) & 0xffff) === pseudoHandler.counted) first |= isCounted;
  first |= maskKind(word(addressMask), word(addressMask + 1)) << maskShift;
  let end = at + packedWordsMin;
  const packWide = (index: number, shift: number): void => {
    const kind = wideKind(word(index), word(index + 1));
    if (kind !== zero) packed[end++] = word(index);
    if (kind === whole) packed[end++] = word(index + 1);
    first |= kind << shift;
  };
  packWide(displacement, displacementShift);
  packWide(immediate, immediateShift);
  packed[at] = first;
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
  words[to + operands] = packed[at + 1] ?? 0;
  words[to + addressing] = packed[at + 2] ?? 0;
  words[to + place] = packed[at + 3] ?? 0;
  words[to + length] = packed[at + 4] ?? 0;
  let end = at + packedWordsMin;
  let kind = (first >>> displacementShift) & 3;
  let low = kind === zero ? 0 : (packed[end++] ?? 0);
  words[to + displacement] = low;
  words[to + displacement + 1] = kind === whole ? (packed[end++] ?? 0) : low >> 31;
  kind = (first >>> immediateShift) & 3;
  low = kind === zero ? 0 : (packed[end++] ?? 0);
  words[to + immediate] = low;
  words[to + immediate + 1] = kind === whole ? (packed[end++] ?? 0) : low >> 31;
  kind = (first >>> maskShift) & 3;
  words[to + addressMask] = kind === noMask ? 0 : kind === mask16 ? 0xffff : -1;
  words[to + addressMask + 1] = kind === mask64 ? -1 : 0;
  words[to + link] = 0;
  words[to + countdown] = 0;
  words[to + region] = 0;
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
