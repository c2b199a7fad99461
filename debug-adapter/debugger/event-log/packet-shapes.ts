/** Packets of one shape have the same fields at the same places: what is known of one is known of all. */
import { deviceProtocolByClass } from '../../spec/vmbus/device-protocols';
import type { StructLayout } from '../../support/struct-layout';
import type { StructPlace } from '../../support/struct-value-plan';
import {
  outlineValues,
  readKey,
  type PlacedField,
  type StructValue,
} from '../../support/struct-values';

/** Places count from the beginning of the structure. */
export interface PacketShape {
  readonly fields: ReadonlyMap<string, PlacedField>;
  /** Fields whose values name the operation, the one that counts first, with the names of those values. */
  readonly operations: readonly {
    readonly placed: PlacedField;
    readonly names: Readonly<Record<number, string>>;
  }[];
}

type Branches<Known> = Map<StructValue | number, Branch<Known>>;

/** A field that chooses and what follows from it, or the shape. */
interface Branch<Known> {
  readonly chooser: PlacedField | undefined;
  readonly cases: Branches<Known>;
  known: Known | undefined;
}

/** Shapes that are told apart; a guest that makes more makes them be found anew. */
const shapesMax = 4096;

/** What is known of the packets of one class that are messages, or completions, by shape. */
export class PacketShapes<Known> {
  private readonly byLength: Branches<Known> = new Map();
  private count = 0;

  constructor(
    private readonly classId: string,
    private readonly layout: StructLayout,
    private readonly learn: (shape: PacketShape) => Known,
  ) {}

  /** What is known of the structure there. */
  of({ bytes, at, end }: StructPlace): Known {
    let branch = this.byLength.get(end - at);
    while (branch?.chooser !== undefined) {
      const { chooser, cases } = branch;
      branch = cases.get(readKey(bytes, at + chooser.at, chooser.field));
    }
    return branch?.known ?? this.add(bytes.subarray(at, end));
  }

  private add(bytes: Uint8Array): Known {
    if (this.count++ >= shapesMax) {
      this.byLength.clear();
      this.count = 0;
    }
    const { fields, choosers } = outlineValues(this.layout, bytes);
    let branch = this.branchAt(this.byLength, bytes.length, choosers[0]);
    choosers.forEach((chooser, index) => {
      const key = readKey(bytes, chooser.at, chooser.field);
      branch = this.branchAt(branch.cases, key, choosers[index + 1]);
    });
    const known = this.learn({ fields, operations: this.operationsOf(fields) });
    branch.known = known;
    return known;
  }

  private branchAt(
    branches: Branches<Known>,
    key: StructValue | number,
    chooser: PlacedField | undefined,
  ): Branch<Known> {
    const found = branches.get(key);
    if (found !== undefined) return found;
    const made = { chooser, cases: new Map(), known: undefined };
    branches.set(key, made);
    return made;
  }

  private operationsOf(fields: ReadonlyMap<string, PlacedField>): PacketShape['operations'] {
    const names = deviceProtocolByClass.get(this.classId)?.operationFields ?? [];
    return [...names].reverse().flatMap((name) => {
      const placed = fields.get(name);
      const meaning = placed?.layout.byName.get(name)?.meaning;
      return placed === undefined || meaning?.kind !== 'values'
        ? []
        : [{ placed, names: meaning.names }];
    });
  }
}
