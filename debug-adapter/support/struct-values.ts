/** Values of a structure by field name, without a tree: for conditions and filters, which look at many structures. */
import { guidText } from './guid';
import { fieldSizeBytes, readField, type StructLayout, type StructPart } from './struct-layout';
import type { StructScope } from './struct-tree';

/** A number, or the text of a GUID. */
export type StructValue = bigint | string;

/** A field that has been read, and the structure that it is of: the layout knows what its values are called. */
export interface StructReading {
  readonly layout: StructLayout;
  readonly value: StructValue;
}

type Readings = Map<string, StructReading>;

function readFields(layout: StructLayout, bytes: Uint8Array, at: number, into: Readings): void {
  for (const { name, type, offset, meaning } of layout.fields) {
    if (at + offset + fieldSizeBytes(type) > bytes.length) return;
    if (meaning?.kind === 'reserved') continue;
    if (typeof type === 'string') {
      into.set(name, { layout, value: readField(layout, bytes, name, at) });
    } else if (meaning?.kind === 'guid') {
      into.set(name, { layout, value: guidText(bytes, at + offset) });
    }
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
  while (next !== undefined && place <= bytes.length) {
    readFields(next, bytes, place, values);
    place += next.sizeBytes;
    const [part]: readonly StructPart[] = next.parts;
    next = part === undefined ? undefined : structureOf(part, values, outer);
  }
  return values;
}
