/** Values of a structure by field name, without a tree: for conditions and filters, which look at many structures. */
import { guidText } from './guid';
import { fieldSizeBytes, type StructLayout, type StructPart } from './struct-layout';
import type { StructScope } from './struct-tree';

/** A number, or the text of a GUID. */
export type StructValue = bigint | string;

/** A field that has been read, and the structure that it is of: the layout knows what its values are called. */
export interface StructReading {
  readonly layout: StructLayout;
  readonly value: StructValue;
}

type Readings = Map<string, StructReading>;

interface ValueField {
  readonly name: string;
  /** Undefined for a GUID. */
  readonly type: 'u8' | 'u16' | 'u32' | 'u64' | undefined;
  readonly offset: number;
  readonly end: number;
}

const valueFields = new WeakMap<StructLayout, readonly ValueField[]>();

/** The fields of a layout that have a value, found once: this runs for every row that a filter looks at. */
function valueFieldsOf(layout: StructLayout): readonly ValueField[] {
  const known = valueFields.get(layout);
  if (known !== undefined) return known;
  const made = layout.fields.flatMap(({ name, type, offset, meaning }): readonly ValueField[] => {
    const end = offset + fieldSizeBytes(type);
    if (meaning?.kind === 'reserved') return [];
    if (typeof type === 'string') return [{ name, type, offset, end }];
    return meaning?.kind === 'guid' ? [{ name, type: undefined, offset, end }] : [];
  });
  valueFields.set(layout, made);
  return made;
}

function readOne(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  type: ValueField['type'],
): StructValue {
  switch (type) {
    case 'u8':
      return BigInt(view.getUint8(at));
    case 'u16':
      return BigInt(view.getUint16(at, true));
    case 'u32':
      return BigInt(view.getUint32(at, true));
    case 'u64':
      return view.getBigUint64(at, true);
    case undefined:
      return guidText(bytes, at);
  }
}

/** The structure that lies at the place of `part`; undefined where none does. */
function structureOf(
  part: StructPart,
  values: Readings,
  outer: StructScope,
): StructLayout | undefined {
  if (part.kind === 'appended') return part.layout;
  if (part.kind !== 'choice') return undefined;
  const own = values.get(part.by)?.value;
  const value = typeof own === 'bigint' ? own : outer(part.by);
  return value === undefined ? undefined : part.cases.get(Number(value));
}

/**
 * Reads the numbers and GUIDs of a structure and of those that it chooses; lists are passed over, and what stands
 * behind a list is not reached.
 * @param outer finds values of structures around this one
 */
export function readValues(
  layout: StructLayout,
  bytes: Uint8Array,
  at = 0,
  outer: StructScope = () => undefined,
): ReadonlyMap<string, StructReading> {
  const values: Readings = new Map();
  let next: StructLayout | undefined = layout;
  let place = at;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  while (next !== undefined && place <= bytes.length) {
    for (const { name, type, offset, end } of valueFieldsOf(next)) {
      if (place + end > bytes.length) break;
      values.set(name, { layout: next, value: readOne(view, bytes, place + offset, type) });
    }
    place += next.sizeBytes;
    const [part]: readonly StructPart[] = next.parts;
    next = part === undefined ? undefined : structureOf(part, values, outer);
  }
  return values;
}
