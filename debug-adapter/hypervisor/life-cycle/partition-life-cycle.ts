/** Where a partition is in its life, and what its parent has given it (TLFS 4.1, 5.2). */
import { physicalPageCount } from '../../machine/addresses';
import type { SavedPart } from '../../machine/saved-part';
import { eventFlagsPerSint } from '../../spec/tlfs/synic';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { defaultShare, type ProcessorShare } from '../processor-scheduler';
import { GpaMap } from './gpa-map';
import { MemoryPool } from './memory-pool';

/** States of TLFS 4.1.3. Processors run in an active partition only. */
export const partitionStates = ['created', 'active', 'finalized', 'deleted'] as const;

/** A value of {@link partitionStates}. */
export type PartitionState = (typeof partitionStates)[number];

/** A port of the parent that a child may be connected to. */
export interface ParentPort {
  readonly id: number;
  readonly kind: 'message' | 'event';
  /** Flags of an event port; 0 for messages. */
  readonly flagCount: number;
}

/** Guest-physical pages that one second-level table maps, and that one directory of tables does. */
const tablePages = 512;
const directoryPages = tablePages * tablePages;

const version = 1;

export class PartitionLifeCycle implements SavedPart {
  state: PartitionState = 'active';
  /** Set by the Suspend property: none of its processors runs. */
  isSuspended = false;
  /** What each of its processors may have of logical processors. */
  share: ProcessorShare = defaultShare;
  readonly pool = new MemoryPool();
  readonly gpaMap = new GpaMap();
  /** Ports of the parent that were made for this child, by identifier. */
  readonly ports = new Map<number, ParentPort>();
  private processors = new Set<number>();
  /** First pages of what second-level tables and their directories map. */
  private tables = new Set<number>();
  private directories = new Set<number>();

  /** @param processorsMost processors of a partition that is active from the start; none has more later */
  constructor(private readonly processorsMost: number) {
    for (let index = 0; index < processorsMost; index++) this.processors.add(index);
  }

  /** A new partition: nothing has been given to it yet. */
  begin(): void {
    this.state = 'created';
    this.isSuspended = false;
    this.share = defaultShare;
    this.processors.clear();
  }

  get processorCount(): number {
    return this.processors.size;
  }

  hasProcessor(index: number): boolean {
    return this.processors.has(index);
  }

  addProcessor(index: number): void {
    this.processors.add(index);
  }

  removeProcessor(index: number): void {
    this.processors.delete(index);
  }

  /**
   * Takes from the pool what mapping `count` pages needs in second-level tables; a large page needs no table.
   * @returns false, with nothing taken, where the pool has too little
   */
  takeTables(gpaPage: number, isLarge: boolean, pages: number): boolean {
    const table = gpaPage - (gpaPage % tablePages);
    const directory = gpaPage - (gpaPage % directoryPages);
    const needsTable = !isLarge && !this.tables.has(table);
    const needsDirectory = !this.directories.has(directory);
    if (!this.pool.use(pages * (Number(needsTable) + Number(needsDirectory)))) return false;
    if (needsTable) this.tables.add(table);
    if (needsDirectory) this.directories.add(directory);
    return true;
  }

  /** Everything that was given goes back to the pool; the pool can be withdrawn then. */
  finalize(): void {
    this.state = 'finalized';
    this.processors.clear();
    this.tables.clear();
    this.directories.clear();
    this.ports.clear();
    this.gpaMap.clear();
    this.pool.releaseAll();
  }

  /** A reset of the guest's platform takes nothing from it. */
  reset(): void {}

  save(): StateNode {
    const { weight, cap, reserve } = this.share;
    return {
      version,
      state: this.state,
      isSuspended: Number(this.isSuspended),
      share: [weight, cap, reserve],
      pool: this.pool.save(),
      gpaMap: this.gpaMap.save(),
      ports: [...this.ports.values()].map(({ id, flagCount }) => ({ id, flagCount })),
      processors: sorted(this.processors),
      tables: sorted(this.tables),
      directories: sorted(this.directories),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.state = record.choice('state', partitionStates);
    this.isSuspended = record.number('isSuspended') !== 0;
    const [weight = 0, cap = 0, reserve = -1, ...rest] = record.numbers('share');
    const isShare = weight >= 1 && weight <= 10_000 && cap >= 0 && cap <= 100;
    if (!isShare || reserve < 0 || reserve > 100 || rest.length > 0) {
      throw record.mismatch('share', 'a weight from 1 to 10000, a cap and a reserve in percent');
    }
    this.share = { weight, cap, reserve };
    this.pool.restore(record.record('pool'));
    if (!this.gpaMap.restore(record.numbers('gpaMap'))) {
      throw record.mismatch('gpaMap', 'runs of pages, ascending and apart');
    }
    this.ports.clear();
    for (const saved of record.records('ports')) {
      const [id, flagCount] = [saved.count('id'), saved.count('flagCount', eventFlagsPerSint)];
      this.ports.set(id, { id, flagCount, kind: flagCount === 0 ? 'message' : 'event' });
    }
    this.processors = numbersBelow(this.processorsMost, 1, record, 'processors');
    this.tables = numbersBelow(physicalPageCount, tablePages, record, 'tables');
    this.directories = numbersBelow(physicalPageCount, directoryPages, record, 'directories');
  }
}

/** A set as it was saved: multiples of `step` below `end`, each once. */
function numbersBelow(end: number, step: number, record: StateRecord, key: string): Set<number> {
  const saved = record.numbers(key);
  const numbers = new Set(saved);
  const fits = saved.every((number) => number >= 0 && number < end && number % step === 0);
  if (fits && numbers.size === saved.length) return numbers;
  throw record.mismatch(key, `multiples of ${step} below ${end}, each once`);
}

const sorted = (numbers: ReadonlySet<number>): readonly number[] =>
  [...numbers].sort((a, b) => a - b);
