/** One value of a structure by its name, found by a plan that is made once: filters look at very many structures. */
import type { StructLayout, StructPart } from './struct-layout';
import type { StructScope } from './struct-tree';
import {
  innerStructuresOf,
  mayHaveValue,
  readKey,
  readOne,
  valueFieldsOf,
  type StructReading,
  type ValueField,
} from './struct-values';

/** Where a structure begins, and where the bytes end that it may have. One object may serve many structures. */
export interface StructPlace {
  bytes: Uint8Array;
  at: number;
  end: number;
}

/** A field that was found, and the layout that it is of; the same object wherever the same field is. */
export interface FoundField {
  readonly layout: StructLayout;
  readonly field: ValueField;
}

/** A structure on the way to the value, and where it lies from the beginning of the first one. */
interface Link {
  readonly layout: StructLayout;
  readonly start: number;
}

/** A place where the name stands: a field, or a structure that has it. */
interface Occurrence {
  readonly layout: StructLayout;
  /** Undefined where it is a structure. */
  readonly found: FoundField | undefined;
  readonly start: number;
  /** What must be there for it to be read. */
  readonly end: number;
}

/** Where a name stands in the structures of a path, the place that counts first. */
function occurrencesOf(name: string, path: readonly Link[]): readonly Occurrence[] {
  return path
    .flatMap(({ layout, start }): readonly Occurrence[] => {
      const own = valueFieldsOf(layout)
        .filter((field) => field.name === name)
        .map((field) => ({
          layout,
          found: { layout, field },
          start: start + field.offset,
          end: start + field.end,
        }));
      const inner = innerStructuresOf(layout)
        .filter((each) => mayHaveValue(each.layout, name))
        .map((each) => ({
          layout: each.layout,
          found: undefined,
          start: start + each.offset,
          end: start + each.end,
        }));
      return [...own, ...inner];
    })
    .reverse();
}

/** What is known of the way to a value once the structures of `path` have been met. */
class ValuePlan {
  private readonly occurrences: readonly Occurrence[];
  private readonly part: StructPart | undefined;
  private readonly next: ValuePlan | undefined;
  private readonly cases = new Map<number, ValuePlan | undefined>();
  /** Where the number stands that chooses the next structure. */
  private readonly choosers: readonly Occurrence[];

  constructor(
    private readonly name: string,
    private readonly path: readonly Link[],
  ) {
    this.occurrences = occurrencesOf(name, path);
    this.part = path.at(-1)?.layout.parts[0];
    const { part } = this;
    this.next = part?.kind === 'appended' ? this.after(part.layout) : undefined;
    this.choosers = part?.kind === 'choice' ? occurrencesOf(part.by, path) : [];
  }

  /** Finds the field; `where` is then where it lies. */
  find(where: StructPlace, outer: StructScope): FoundField | undefined {
    const next = this.next ?? this.chosen(where, outer);
    return next === undefined
      ? findFirst(this.occurrences, this.name, where)
      : next.find(where, outer);
  }

  private chosen(where: StructPlace, outer: StructScope): ValuePlan | undefined {
    const { part } = this;
    if (part?.kind !== 'choice') return undefined;
    const key = this.chooser(part.by, where) ?? outer(part.by);
    return key === undefined ? undefined : this.planFor(Number(key), part.cases);
  }

  /** The number that chooses, where it stands in the structures of the path. */
  private chooser(by: string, where: StructPlace): number | bigint | undefined {
    if (this.choosers.length === 0) return undefined;
    const { at, end } = where;
    const found = findFirst(this.choosers, by, where);
    const key = found === undefined ? undefined : readKey(where.bytes, where.at, found.field);
    where.at = at;
    where.end = end;
    return typeof key === 'string' ? undefined : key;
  }

  private planFor(key: number, layouts: ReadonlyMap<number, StructLayout>): ValuePlan | undefined {
    const known = this.cases.get(key);
    if (known !== undefined || this.cases.has(key)) return known;
    const layout = layouts.get(key);
    if (layout === undefined) return undefined;
    const made = this.after(layout);
    this.cases.set(key, made);
    return made;
  }

  /** The plan where this structure follows; undefined where the name cannot come any more. */
  private after(layout: StructLayout): ValuePlan | undefined {
    if (!mayHaveValue(layout, this.name)) return undefined;
    const last = this.path.at(-1);
    const start = last === undefined ? 0 : last.start + last.layout.sizeBytes;
    return new ValuePlan(this.name, [...this.path, { layout, start }]);
  }
}

/** The field at the first place that is there; `where` is then where it lies. */
function findFirst(
  occurrences: readonly Occurrence[],
  name: string,
  where: StructPlace,
): FoundField | undefined {
  const { at, end } = where;
  for (const { layout, found, start, end: needed } of occurrences) {
    if (at + needed > end) continue;
    where.at = at + start;
    if (found !== undefined) return found;
    where.end = at + needed;
    const inner = planOf(layout, name).find(where, nothing);
    if (inner !== undefined) return inner;
    where.at = at;
    where.end = end;
  }
  return undefined;
}

const nothing: StructScope = () => undefined;

const plans = new WeakMap<StructLayout, Map<string, ValuePlan>>();

function planOf(layout: StructLayout, name: string): ValuePlan {
  let ofLayout = plans.get(layout);
  if (ofLayout === undefined) plans.set(layout, (ofLayout = new Map<string, ValuePlan>()));
  let plan = ofLayout.get(name);
  if (plan === undefined) {
    ofLayout.set(name, (plan = new ValuePlan(name, [{ layout, start: 0 }])));
  }
  return plan;
}

/** Finds the field of a name in structures of one layout. */
export type FieldFinder = Pick<ValuePlan, 'find'>;

/** Who finds the fields of this name in structures of this layout; undefined where they cannot have one. */
export function fieldFinder(layout: StructLayout, name: string): FieldFinder | undefined {
  return mayHaveValue(layout, name) ? planOf(layout, name) : undefined;
}

/** The one value that `readValues` has under this name in the structure there, found without reading the others. */
export function readValueIn(
  layout: StructLayout,
  name: string,
  { bytes, at, end }: Readonly<StructPlace>,
  outer: StructScope = nothing,
): StructReading | undefined {
  const where = { bytes, at, end };
  const found = fieldFinder(layout, name)?.find(where, outer);
  if (found === undefined) return undefined;
  return { layout: found.layout, value: readOne(bytes, where.at, found.field) };
}
