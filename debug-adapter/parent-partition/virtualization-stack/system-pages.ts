/** Which pages of system memory the parent has not given away. */
import { physicalPageCount } from '../../machine/addresses';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';

/** The parent's own: the first GiB. */
const firstFreePage = 2 ** 18;
const version = 1;

/** Pages side by side. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

/** Pages are given out in order; those that come back from partitions that are gone are given out again first. */
export class SystemPages {
  /** First page that nobody has had. */
  private next = firstFreePage;
  /** Pages that came back: ascending, and never side by side. */
  private returned: PageRun[] = [];

  /** Takes pages side by side. @param alignment the first is a multiple of it */
  take(count: number, alignment: number): number {
    for (const [index, run] of this.returned.entries()) {
      const first = aligned(run.first, alignment);
      const end = run.first + run.count;
      if (first + count > end) continue;
      const left = [
        { first: run.first, count: first - run.first },
        { first: first + count, count: end - first - count },
      ];
      this.returned.splice(index, 1, ...left.filter((rest) => rest.count > 0));
      return first;
    }
    const first = aligned(this.next, alignment);
    this.next = first + count;
    return first;
  }

  /** Takes pages back that {@link take} has given. */
  giveBack({ first, count }: PageRun): void {
    const merged: PageRun[] = [];
    for (const run of [...this.returned, { first, count }].sort((a, b) => a.first - b.first)) {
      const last = merged.at(-1);
      if (last !== undefined && last.first + last.count === run.first) {
        merged[merged.length - 1] = { first: last.first, count: last.count + run.count };
      } else merged.push(run);
    }
    this.returned = merged;
  }

  reset(): void {
    this.next = firstFreePage;
    this.returned = [];
  }

  save(): StateNode {
    return { version, next: this.next, returned: saveRuns(this.returned) };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.next = record.count('next', physicalPageCount);
    this.returned = restoreRuns(record, 'returned');
  }
}

/** First pages and counts, one after the other. */
export function saveRuns(runs: readonly PageRun[]): readonly number[] {
  return runs.flatMap(({ first, count }) => [first, count]);
}

/** What {@link saveRuns} has written. @throws UserError where no runs save such numbers */
export function restoreRuns(record: StateRecord, key: string): PageRun[] {
  const saved = record.numbers(key);
  const runs: PageRun[] = [];
  for (let at = 0; at < saved.length; at += 2) {
    const [first = -1, count = 0] = saved.slice(at, at + 2);
    if (first < 0 || count <= 0 || first + count > physicalPageCount) {
      throw record.mismatch(key, 'runs of pages');
    }
    runs.push({ first, count });
  }
  return runs;
}

function aligned(page: number, alignment: number): number {
  return Math.ceil(page / alignment) * alignment;
}
