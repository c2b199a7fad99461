/** A set of pages, kept as ranges: pages that a parent has given away come in few of them. */
import { physicalPageCount } from '../../machine/addresses';
import { assert, present } from '../../support/assert';

interface PageRange {
  first: number;
  /** First page behind the range. */
  end: number;
}

export class PageRanges {
  /** Ascending, and never side by side. */
  private ranges: PageRange[] = [];

  /** Pages in the set. */
  get count(): number {
    return this.ranges.reduce((sum, { first, end }) => sum + end - first, 0);
  }

  /** True where the set has one of `count` pages from `first` on. */
  overlaps(first: number, count: number): boolean {
    return this.ranges.some((range) => first < range.end && range.first < first + count);
  }

  /** Adds pages that are not in the set. */
  add(first: number, count: number): void {
    assert(!this.overlaps(first, count), 'the pages are not in the set');
    const end = first + count;
    const behind = this.ranges.findIndex((range) => range.first >= end);
    const at = behind < 0 ? this.ranges.length : behind;
    const before = this.ranges[at - 1];
    const after = this.ranges[at];
    const joinsBefore = before?.end === first;
    const joinsAfter = after?.first === end;
    const range = {
      first: joinsBefore ? present(before, 'range before').first : first,
      end: joinsAfter ? present(after, 'range behind').end : end,
    };
    this.ranges.splice(at - Number(joinsBefore), Number(joinsBefore) + Number(joinsAfter), range);
  }

  /** Takes the last page out; undefined where there is none. */
  takeLast(): number | undefined {
    const last = this.ranges.at(-1);
    if (last === undefined) return undefined;
    last.end--;
    if (last.end === last.first) this.ranges.pop();
    return last.end;
  }

  clear(): void {
    this.ranges = [];
  }

  /** First pages and ends, one after the other. */
  save(): readonly number[] {
    return this.ranges.flatMap(({ first, end }) => [first, end]);
  }

  /** @returns false, with nothing changed, where no set saves such numbers */
  restore(saved: readonly number[]): boolean {
    const ranges: PageRange[] = [];
    let behind = -1;
    for (let at = 0; at < saved.length; at += 2) {
      const [first = NaN, end = NaN] = saved.slice(at, at + 2);
      if (!(behind < first && first < end && end <= physicalPageCount)) return false;
      ranges.push({ first, end });
      behind = end;
    }
    this.ranges = ranges;
    return true;
  }
}
