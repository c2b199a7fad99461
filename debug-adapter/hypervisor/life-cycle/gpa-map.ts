/** Which pages of the parent are behind the guest-physical pages of a child, and with what rights (TLFS 5.3, 9.4). */
import { physicalPageCount } from '../../machine/addresses';
import { rightsAll } from '../../machine/guest-memory';

/** A run of pages that are mapped side by side, in the child and in the parent. */
export interface MappedRun {
  readonly gpaPage: number;
  readonly sourcePage: number;
  readonly count: number;
  /** Rights of the second-level map. */
  readonly rights: number;
}

const fieldsOfRun = 4;

export class GpaMap {
  /** Ascending by guest-physical page. */
  private entries: MappedRun[] = [];

  get runs(): readonly MappedRun[] {
    return this.entries;
  }

  /** The page of the parent behind a guest-physical one; undefined where nothing is mapped. */
  sourceOf(gpaPage: number): number | undefined {
    const run = this.entries.find((entry) => covers(entry, gpaPage));
    return run === undefined ? undefined : run.sourcePage + gpaPage - run.gpaPage;
  }

  /** True where one of `count` pages of the parent is mapped. */
  usesSource(sourcePage: number, count: number): boolean {
    return this.entries.some(
      (entry) =>
        sourcePage < entry.sourcePage + entry.count && entry.sourcePage < sourcePage + count,
    );
  }

  /** True where each of `count` guest-physical pages is mapped. */
  isMapped(gpaPage: number, count: number): boolean {
    return this.mappedWithin(gpaPage, count) === count;
  }

  /** True where one of `count` guest-physical pages is mapped. */
  overlaps(gpaPage: number, count: number): boolean {
    return this.mappedWithin(gpaPage, count) > 0;
  }

  /** Maps pages; what was mapped there is replaced. */
  map(run: MappedRun): void {
    this.unmap(run.gpaPage, run.count);
    const behind = this.entries.findIndex(({ gpaPage }) => gpaPage > run.gpaPage);
    const at = behind < 0 ? this.entries.length : behind;
    const before = this.entries[at - 1];
    if (before !== undefined && continues(before, run)) {
      this.entries[at - 1] = { ...before, count: before.count + run.count };
      return;
    }
    this.entries.splice(at, 0, run);
  }

  unmap(gpaPage: number, count: number): void {
    if (!this.overlaps(gpaPage, count)) return;
    const end = gpaPage + count;
    this.entries = this.entries.flatMap((entry) => [
      ...part(entry, entry.gpaPage, Math.min(entry.gpaPage + entry.count, gpaPage)),
      ...part(entry, Math.max(entry.gpaPage, end), entry.gpaPage + entry.count),
    ]);
  }

  clear(): void {
    this.entries = [];
  }

  save(): readonly number[] {
    return this.entries.flatMap(({ gpaPage, sourcePage, count, rights }) => [
      gpaPage,
      sourcePage,
      count,
      rights,
    ]);
  }

  /** @returns false, with nothing changed, where no map saves such numbers */
  restore(saved: readonly number[]): boolean {
    const runs: MappedRun[] = [];
    let behind = 0;
    for (let at = 0; at < saved.length; at += fieldsOfRun) {
      const fields = saved.slice(at, at + fieldsOfRun);
      const [gpaPage = NaN, sourcePage = NaN, count = NaN, rights = NaN] = fields;
      const isRun = gpaPage >= behind && sourcePage >= 0 && count > 0;
      behind = gpaPage + count;
      const fits = behind <= physicalPageCount && sourcePage + count <= physicalPageCount;
      if (!isRun || !fits || (rights & rightsAll) !== rights) return false;
      runs.push({ gpaPage, sourcePage, count, rights });
    }
    this.entries = runs;
    return true;
  }

  private mappedWithin(gpaPage: number, count: number): number {
    return this.entries.reduce((sum, entry) => {
      const from = Math.max(entry.gpaPage, gpaPage);
      const to = Math.min(entry.gpaPage + entry.count, gpaPage + count);
      return sum + Math.max(0, to - from);
    }, 0);
  }
}

const covers = ({ gpaPage, count }: MappedRun, page: number): boolean =>
  page >= gpaPage && page < gpaPage + count;

const continues = (before: MappedRun, run: MappedRun): boolean =>
  before.gpaPage + before.count === run.gpaPage &&
  before.sourcePage + before.count === run.sourcePage &&
  before.rights === run.rights;

/** The pages of a run from `from` to `to`; none where the range is empty. */
function part(run: MappedRun, from: number, to: number): readonly MappedRun[] {
  if (to <= from) return [];
  return [
    { ...run, gpaPage: from, sourcePage: run.sourcePage + from - run.gpaPage, count: to - from },
  ];
}
