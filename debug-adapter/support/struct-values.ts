/** Values of a structure by field name, without a tree: for conditions and filters, which look at many structures. */
import { guidText } from './guid';
import { fieldSizeBytes, readBigEndian, type StructLayout, type StructPart } from './struct-layout';
import type { StructScope } from './struct-tree';

/** A number, or the text of a GUID. */
export type StructValue = bigint | string;

/** A field that has been read, and the structure that it is of: the layout knows what its values are called. */
export interface StructReading {
  readonly layout: StructLayout;
  readonly value: StructValue;
}

/** A field that has a value: a number or a GUID. */
export interface ValueField {
  readonly name: string;
  readonly type: 'u8' | 'u16' | 'u32' | 'u64' | 'guid' | 'big-endian';
  readonly offset: number;
  readonly end: number;
}

const valueFields = new WeakMap<StructLayout, readonly ValueField[]>();

/** The fields of a layout that have a value, found once: this runs for every row that a filter looks at. */
export function valueFieldsOf(layout: StructLayout): readonly ValueField[] {
  const known = valueFields.get(layout);
  if (known !== undefined) return known;
  const made = layout.fields.flatMap(({ name, type, offset, meaning }): readonly ValueField[] => {
    const end = offset + fieldSizeBytes(type);
    if (meaning?.kind === 'reserved') return [];
    if (typeof type === 'string') return [{ name, type, offset, end }];
    return meaning?.kind === 'guid' || meaning?.kind === 'big-endian'
      ? [{ name, type: meaning.kind, offset, end }]
      : [];
  });
  valueFields.set(layout, made);
  return made;
}

/** A structure that is a field of another. */
export interface InnerStructure {
  readonly layout: StructLayout;
  readonly offset: number;
  readonly end: number;
}

const innerStructures = new WeakMap<StructLayout, readonly InnerStructure[]>();

/** Structures that are fields of a layout. */
export function innerStructuresOf(layout: StructLayout): readonly InnerStructure[] {
  const known = innerStructures.get(layout);
  if (known !== undefined) return known;
  const made = layout.fields.flatMap(({ type, offset, meaning }) =>
    meaning?.kind === 'structure'
      ? [{ layout: meaning.layout, offset, end: offset + fieldSizeBytes(type) }]
      : [],
  );
  innerStructures.set(layout, made);
  return made;
}

/** Below 2^32. */
function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  return (bytes[at + 3] ?? 0) * 0x100_0000 + low;
}

/**
 * The value of the field that lies at `at`. Byte by byte: a view for each structure would cost more than its fields.
 */
export function readOne(
  bytes: Uint8Array,
  at: number,
  { type, offset, end }: ValueField,
): StructValue {
  switch (type) {
    case 'u8':
      return BigInt(bytes[at] ?? 0);
    case 'u16':
      return BigInt((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
    case 'u32':
      return BigInt(wordAt(bytes, at));
    case 'u64':
      return (BigInt(wordAt(bytes, at + 4)) << 32n) | BigInt(wordAt(bytes, at));
    case 'guid':
      return guidText(bytes, at);
    case 'big-endian':
      return readBigEndian(bytes, at, end - offset);
  }
}

/**
 * The value of {@link readOne} as the key of a table: a number where it has no more than 32 bits, which costs no object
 * for each of very many structures.
 */
export function readKey(bytes: Uint8Array, at: number, field: ValueField): StructValue | number {
  switch (field.type) {
    case 'u8':
      return bytes[at] ?? 0;
    case 'u16':
      return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    case 'u32':
      return wordAt(bytes, at);
    case 'u64':
      return wordAt(bytes, at + 4) === 0 ? wordAt(bytes, at) : readOne(bytes, at, field);
    default:
      return keyOf(readOne(bytes, at, field));
  }
}

const keyLimit = 1n << 32n;

/** The key that {@link readKey} makes of a value. */
export function keyOf(value: StructValue): StructValue | number {
  return typeof value === 'bigint' && value < keyLimit ? Number(value) : value;
}

/** Where a field lies that has a value. */
export interface PlacedField {
  readonly layout: StructLayout;
  readonly field: ValueField;
  readonly at: number;
}

/** Where everything lies in a structure; the same for all that are as long and have the same values in what chooses. */
export interface StructOutline {
  readonly fields: ReadonlyMap<string, PlacedField>;
  /** The fields that choose what follows them, in the order in which they are asked. */
  readonly choosers: readonly PlacedField[];
}

/**
 * Finds the numbers and GUIDs of a structure and of those that it chooses; lists are passed over, and what stands
 * behind a list is not reached.
 * @param outer finds values of structures around this one
 */
export function outlineValues(
  layout: StructLayout,
  bytes: Uint8Array,
  at = 0,
  outer: StructScope = () => undefined,
): StructOutline {
  const fields = new Map<string, PlacedField>();
  const choosers: PlacedField[] = [];
  /** The structure that lies at the place of `part`; undefined where none does. */
  const structureOf = (part: StructPart | undefined): StructLayout | undefined => {
    if (part?.kind === 'appended') return part.layout;
    if (part?.kind !== 'choice') return undefined;
    const chooser = fields.get(part.by);
    if (chooser !== undefined) choosers.push(chooser);
    const own = chooser === undefined ? undefined : readOne(bytes, chooser.at, chooser.field);
    const value = typeof own === 'bigint' ? own : outer(part.by);
    return value === undefined ? undefined : part.cases.get(Number(value));
  };
  let next: StructLayout | undefined = layout;
  let place = at;
  while (next !== undefined && place <= bytes.length) {
    for (const field of valueFieldsOf(next)) {
      if (place + field.end > bytes.length) break;
      fields.set(field.name, { layout: next, field, at: place + field.offset });
    }
    for (const { layout: inner, offset, end } of innerStructuresOf(next)) {
      if (place + end > bytes.length) break;
      const found = outlineValues(inner, bytes.subarray(0, place + end), place + offset);
      for (const [name, placed] of found.fields) fields.set(name, placed);
      choosers.push(...found.choosers);
    }
    place += next.sizeBytes;
    next = structureOf(next.parts[0]);
  }
  return { fields, choosers };
}

/** The values of what {@link outlineValues} finds. */
export function readValues(
  layout: StructLayout,
  bytes: Uint8Array,
  at = 0,
  outer: StructScope = () => undefined,
): ReadonlyMap<string, StructReading> {
  const values = new Map<string, StructReading>();
  for (const [name, placed] of outlineValues(layout, bytes, at, outer).fields) {
    values.set(name, {
      layout: placed.layout,
      value: readOne(bytes, placed.at, placed.field),
    });
  }
  return values;
}

const reaches = new WeakMap<StructLayout, Set<string>>();

/** True where structures of this layout may have a value of this name, here or in a structure that they choose. */
export function mayHaveValue(layout: StructLayout, name: string): boolean {
  return reachOf(layout).has(name);
}

function reachOf(layout: StructLayout): ReadonlySet<string> {
  const known = reaches.get(layout);
  if (known !== undefined) return known;
  const names = new Set(valueFieldsOf(layout).map(({ name }) => name));
  reaches.set(layout, names);
  const [part] = layout.parts;
  const inner =
    part?.kind === 'appended'
      ? [part.layout]
      : part?.kind === 'choice'
        ? [...part.cases.values()]
        : [];
  const all = [...inner, ...innerStructuresOf(layout).map((each) => each.layout)];
  for (const name of all.flatMap((each) => [...reachOf(each)])) names.add(name);
  return names;
}
