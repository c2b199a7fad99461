/** Structures of little-endian fields, described as data: the one reader, writer and decoder of them. */
import { assert } from './assert';
import { bit, type BitField } from './bit-field';

/** Width of a field: an unsigned integer, or so many uninterpreted bytes. */
export type FieldType = 'u8' | 'u16' | 'u32' | 'u64' | { readonly bytes: number };

/** What the bytes of a field stand for; a field without one is a number, or bytes. */
export type FieldMeaning =
  /** Bytes: a GUID. */
  | { readonly kind: 'guid' }
  /** Bytes: text up to the first zero. */
  | { readonly kind: 'utf16' | 'ascii' }
  /** Bytes: a number that counts or measures, its most significant byte first. */
  | { readonly kind: 'big-endian' }
  /** Bytes: a structure of their own, which may be shorter. */
  | { readonly kind: 'structure'; readonly layout: StructLayout }
  /** An integer in two's complement. */
  | { readonly kind: 'signed' }
  /** An integer that counts or measures, so that people read it in base ten. */
  | { readonly kind: 'count' }
  /** Carries nothing. */
  | { readonly kind: 'reserved' }
  /** An integer whose values have names. */
  | { readonly kind: 'values'; readonly names: Readonly<Record<number, string>> }
  /** An integer made of bit fields. */
  | { readonly kind: 'bits'; readonly bits: readonly BitField[] };

/** One field at a fixed offset. */
export interface StructField {
  readonly name: string;
  readonly type: FieldType;
  /** Bytes from the start of the structure. */
  readonly offset: number;
  readonly meaning?: FieldMeaning;
}

/** How many elements or bytes follow: a number that the structure (or one around it) holds, or all there are. */
export type StructCount =
  | { readonly kind: 'rest' }
  | { readonly kind: 'field'; readonly field: string }
  /** Bytes up to so many, which the field holds, from the start of the structure. */
  | { readonly kind: 'until'; readonly field: string }
  /** Pages that a range of `length` bytes touches which begins at `offset` in its first page. */
  | { readonly kind: 'pages'; readonly length: string; readonly offset: string };

/** Something of variable size behind the fixed part of a structure, or the next thing behind that. */
export type StructPart =
  | {
      readonly kind: 'elements';
      readonly name: string;
      readonly element: StructLayout;
      readonly count: StructCount;
    }
  | {
      readonly kind: 'bytes';
      readonly name: string;
      readonly length: StructCount;
      readonly meaning?: FieldMeaning;
    }
  /**
   * A structure with bytes of its own. It lies where the field `at` says, counted from `base` bytes behind the start of
   * this one, or right here; where that is in front of the parts before it, it is not taken apart.
   */
  | {
      readonly kind: 'placed';
      readonly name: string;
      readonly at?: string;
      readonly base?: number;
      readonly length: StructCount;
      readonly layout: StructLayout;
    }
  /** Present where bytes are left: what newer versions append. */
  | { readonly kind: 'appended'; readonly layout: StructLayout }
  /**
   * A union: the value of the field `by` tells which, here or in a structure around this one; with `Request.` before
   * its name in the request that this answers.
   */
  | {
      readonly kind: 'choice';
      readonly by: string;
      readonly cases: ReadonlyMap<number, StructLayout>;
    };

/** A structure; its size includes trailing padding, not the parts of variable size. */
export interface StructLayout {
  readonly name: string;
  readonly sizeBytes: number;
  readonly fields: readonly StructField[];
  readonly byName: ReadonlyMap<string, StructField>;
  /** What follows the fixed part, in order. */
  readonly parts: readonly StructPart[];
}

/** One field with its value: integers as bigint, byte fields as a copy. */
export interface DecodedField {
  readonly name: string;
  readonly value: bigint | Uint8Array;
}

/** Bytes that a field occupies. */
export function fieldSizeBytes(type: FieldType): number {
  switch (type) {
    case 'u8':
      return 1;
    case 'u16':
      return 2;
    case 'u32':
      return 4;
    case 'u64':
      return 8;
    default:
      return type.bytes;
  }
}

/** Describes a field. */
export function structField(
  name: string,
  type: FieldType,
  offset: number,
  meaning?: FieldMeaning,
): StructField {
  return meaning === undefined ? { name, type, offset } : { name, type, offset, meaning };
}

const capitalized = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** The names of an enumeration's values, for a field or for some bits of one. */
export function valueNames(
  constants: Readonly<Record<string, number>>,
): Readonly<Record<number, string>> {
  const names = Object.entries(constants).map(([name, value]) => [value, capitalized(name)]);
  // Object.fromEntries cannot know that the first of each pair is a number.
  return Object.fromEntries(names) as Record<number, string>;
}

/** An integer field whose values are those of an enumeration. */
export function namesOfValues(constants: Readonly<Record<string, number>>): FieldMeaning {
  return { kind: 'values', names: valueNames(constants) };
}

/** The single bits of a word, under the names of the masks that have them. */
export function bitsOfFlags(masks: Readonly<Record<string, number>>): FieldMeaning {
  const bits = Object.entries(masks).map(([name, mask]) =>
    bit(31 - Math.clz32(mask), capitalized(name)),
  );
  return { kind: 'bits', bits };
}

/**
 * Describes a structure; the size is that of its last byte rounded up to 8, unless given.
 * @param parts what follows the fixed part
 */
export function structLayout(
  name: string,
  fields: readonly StructField[],
  sizeBytes?: number,
  parts: readonly StructPart[] = [],
): StructLayout {
  const end = fields.reduce(
    (last, field) => Math.max(last, field.offset + fieldSizeBytes(field.type)),
    0,
  );
  const size = sizeBytes ?? Math.ceil(end / 8) * 8;
  assert(size >= end, `${name} holds its fields`);
  const byName = new Map(fields.map((field) => [field.name, field]));
  return { name, sizeBytes: size, fields, byName, parts };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Byte by byte: a view would cost more than the field. */
function readInteger(bytes: Uint8Array, offset: number, type: FieldType): bigint {
  assert(typeof type === 'string', 'the field is an integer');
  assert(offset >= 0 && offset + fieldSizeBytes(type) <= bytes.length, 'the bytes have the field');
  switch (type) {
    case 'u8':
      return BigInt(bytes[offset] ?? 0);
    case 'u16':
      return BigInt(wordAt(bytes, offset, 2));
    case 'u32':
      return BigInt(wordAt(bytes, offset, 4));
    default:
      return (BigInt(wordAt(bytes, offset + 4, 4)) << 32n) | BigInt(wordAt(bytes, offset, 4));
  }
}

function wordAt(bytes: Uint8Array, offset: number, size: 2 | 4): number {
  let word = 0;
  for (let index = 0; index < size; index++) word |= (bytes[offset + index] ?? 0) << (index * 8);
  return word >>> 0;
}

function fieldNamed(layout: StructLayout, name: string): StructField {
  const field = layout.byName.get(name);
  // The text is made only where it is needed: this is asked for every field of every trace record.
  if (field === undefined) assert(false, `${layout.name} has the field that is asked for`);
  return field;
}

/** Value of an integer field of the structure at `at` in `bytes`. */
export function readField(layout: StructLayout, bytes: Uint8Array, name: string, at = 0): bigint {
  const field = fieldNamed(layout, name);
  return readInteger(bytes, at + field.offset, field.type);
}

/** Value of an integer field of at most 32 bits of the structure at the start of `bytes`, without a 64-bit integer. */
export function readNumber(layout: StructLayout, bytes: Uint8Array, name: string): number {
  const { offset, type } = fieldNamed(layout, name);
  assert(offset + fieldSizeBytes(type) <= bytes.length, 'the bytes have the field');
  switch (type) {
    case 'u8':
      return bytes[offset] ?? 0;
    case 'u16':
      return wordAt(bytes, offset, 2);
    default:
      assert(type === 'u32', 'the field has at most 32 bits');
      return wordAt(bytes, offset, 4);
  }
}

/** Half of a 64-bit field of the structure at the start of `bytes`: the lower one, or the upper one. */
export function readHalf(
  layout: StructLayout,
  bytes: Uint8Array,
  name: string,
  half: 'lower' | 'upper',
): number {
  const { offset, type } = fieldNamed(layout, name);
  assert(type === 'u64' && offset + 8 <= bytes.length, 'the bytes have the field of 64 bits');
  return wordAt(bytes, half === 'lower' ? offset : offset + 4, 4);
}

/** Writes integer fields of one structure, each truncated to its width. */
export type FieldWriter = (name: string, value: bigint) => void;

/** A writer for the structure at `at` in `bytes`. */
export function structWriter(layout: StructLayout, bytes: Uint8Array, at = 0): FieldWriter {
  const view = viewOf(bytes);
  return (name, value) => {
    const field = fieldNamed(layout, name);
    const offset = at + field.offset;
    switch (field.type) {
      case 'u8':
        return view.setUint8(offset, Number(BigInt.asUintN(8, value)));
      case 'u16':
        return view.setUint16(offset, Number(BigInt.asUintN(16, value)), true);
      case 'u32':
        return view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
      default:
        assert(field.type === 'u64', 'the field is an integer');
        view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    }
  };
}

/** Writes an integer field, truncated to its width. */
export function writeField(
  layout: StructLayout,
  bytes: Uint8Array,
  name: string,
  value: bigint,
  at = 0,
): void {
  structWriter(layout, bytes, at)(name, value);
}

/** A number of `sizeBytes` bytes at `at`, its most significant byte first. */
export function readBigEndian(bytes: Uint8Array, at: number, sizeBytes: number): bigint {
  let value = 0n;
  for (let index = at; index < at + sizeBytes; index++) {
    value = (value << 8n) | BigInt(bytes[index] ?? 0);
  }
  return value;
}

/** Every field of the structure at `at`, or undefined where `bytes` end before it does. */
export function decodeStruct(
  layout: StructLayout,
  bytes: Uint8Array,
  at = 0,
): readonly DecodedField[] | undefined {
  if (at + layout.sizeBytes > bytes.length) return undefined;
  return layout.fields.map(({ name, type, offset }) => ({
    name,
    value:
      typeof type === 'string'
        ? readInteger(bytes, at + offset, type)
        : bytes.slice(at + offset, at + offset + type.bytes),
  }));
}
