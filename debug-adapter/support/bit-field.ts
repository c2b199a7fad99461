/** Named bit ranges of a register or word, described as data. */
import { assert } from './assert';

/** One named range of bits, both ends inclusive. */
export interface BitField {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** Names of values, where the specification gives them. */
  readonly values?: Readonly<Record<number, string>>;
}

/** One field of a decoded word. */
export interface DecodedBitField {
  readonly name: string;
  readonly value: bigint;
  /** Name of the value, where it has one. */
  readonly valueName?: string;
}

/** Describes a single bit. */
export function bit(position: number, name: string): BitField {
  return { name, low: position, high: position };
}

/** Describes the bits `high` down to `low`. */
export function bits(
  high: number,
  low: number,
  name: string,
  values?: Readonly<Record<number, string>>,
): BitField {
  assert(high >= low, `bits ${high}:${low} of ${name} are in descending order`);
  return values === undefined ? { name, low, high } : { name, low, high, values };
}

/** Value of one field of `word`. */
export function extractBits(word: bigint, field: BitField): bigint {
  return BigInt.asUintN(field.high - field.low + 1, word >> BigInt(field.low));
}

/** The same of a word of 32 bits, for what happens often. */
export function extractBits32(word: number, { low, high }: BitField): number {
  return ((word >>> low) & (0xffffffff >>> (31 - high + low))) >>> 0;
}

/** `word` with one field set to `value`, cut to the field's width. */
export function insertBits(word: bigint, field: BitField, value: bigint): bigint {
  const low = BigInt(field.low);
  const width = field.high - field.low + 1;
  const mask = ((1n << BigInt(width)) - 1n) << low;
  return (word & ~mask) | (BigInt.asUintN(width, value) << low);
}

/** Every field of `word`, in the order of the description. */
export function decodeBits(word: bigint, fields: readonly BitField[]): readonly DecodedBitField[] {
  return fields.map((field) => {
    const value = extractBits(word, field);
    const valueName = field.values?.[Number(value)];
    return valueName === undefined
      ? { name: field.name, value }
      : { name: field.name, value, valueName };
  });
}

/** The names of the single-bit fields that are set in `word`. */
export function namesOfSetBits(word: bigint, fields: readonly BitField[]): readonly string[] {
  return fields
    .filter((field) => field.low === field.high && extractBits(word, field) === 1n)
    .map((field) => field.name);
}

/** Mask with the bits of the named fields set; the names must exist. */
export function maskOf(fields: readonly BitField[], names: readonly string[]): number {
  let mask = 0;
  for (const name of names) {
    const field = fields.find((candidate) => candidate.name === name);
    assert(field !== undefined && field.low === field.high, `single bit ${name} exists`);
    mask |= 1 << field.low;
  }
  return mask >>> 0;
}
