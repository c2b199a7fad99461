/** One value of a structure by its name, found by a plan that is made once: filters look at very many structures. */
import type { StructLayout } from './struct-layout';
import type { StructScope } from './struct-tree';
import {
  innerStructuresOf,
  mayHaveValue,
  readOne,
  valueFieldsOf,
  type StructReading,
  type ValueField,
} from './struct-values';

/** Where a structure begins, and where the bytes end that it may have. */
export interface StructPlace {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
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
  readonly field: ValueField | undefined;
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
        .map((field) => ({ layout, field, start: start + field.offset, end: start + field.end }));
      const inner = innerStructuresOf(layout)
        .filter((each) => mayHaveValue(each.layout, name))
        .map((each) => ({
          layout: each.layout,
          field: undefined,
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
  private readonly next: ValuePlan | undefined;
  private readonly cases = new Map<number, ValuePlan | undefined>();
  /** Where the number stands that chooses the next structure. */
  private readonly choosers: readonly Occurrence[];

  constructor(
    private readonly name: string,
    private readonly path: readonly Link[],
  ) {
    this.occurrences = occurrencesOf(name, path);
    const part = path.at(-1)?.layout.parts[0];
    this.next = part?.kind === 'appended' ? this.after(part.layout) : undefined;
    this.choosers = part?.kind === 'choice' ? occurrencesOf(part.by, path) : [];
  }

  read(where: StructPlace, outer: StructScope): StructReading | undefined {
    const next = this.next ?? this.chosen(where, outer);
    return next === undefined
      ? readFirst(this.occurrences, this.name, where)
      : next.read(where, outer);
  }

  private chosen(where: StructPlace, outer: StructScope): ValuePlan | undefined {
    const part = this.path.at(-1)?.layout.parts[0];
    if (part?.kind !== 'choice') return undefined;
    const own = readFirst(this.choosers, part.by, where)?.value;
    const value = typeof own === 'bigint' ? own : outer(part.by);
    if (value === undefined) return undefined;
    const key = Number(value);
    const layout = part.cases.get(key);
    if (layout === undefined) return undefined;
    const known = this.cases.get(key);
    if (known !== undefined || this.cases.has(key)) return known;
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

/** The value at the first place that is there. */
function readFirst(
  occurrences: readonly Occurrence[],
  name: string,
  { bytes, at, end }: StructPlace,
): StructReading | undefined {
  for (const { layout, field, start, end: needed } of occurrences) {
    if (at + needed > end) continue;
    if (field !== undefined) {
      return { layout, value: readOne(bytes, at + start, field) };
    }
    const inner = planOf(layout, name).read({ bytes, at: at + start, end: at + needed }, nothing);
    if (inner !== undefined) return inner;
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

/** The one value that `readValues` has under this name in the structure there, found without reading the others. */
export function readValueIn(
  layout: StructLayout,
  name: string,
  where: StructPlace,
  outer: StructScope = nothing,
): StructReading | undefined {
  return mayHaveValue(layout, name) ? planOf(layout, name).read(where, outer) : undefined;
}
