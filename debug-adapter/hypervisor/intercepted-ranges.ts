/** Ranges of ports or of guest-physical addresses whose accesses the parent sees. */
import { present } from '../support/assert';

interface Range {
  readonly first: number;
  /** First number behind the range. */
  readonly end: number;
}

/** Few ranges, which may overlap; each is removed as it was added. */
export class InterceptedRanges {
  private ranges: Range[] = [];

  add(first: number, count: number): void {
    this.ranges.push({ first, end: first + count });
  }

  /** Takes away one range that was added with the same numbers; nothing happens where there is none. */
  remove(first: number, count: number): void {
    const at = this.ranges.findIndex(
      (range) => range.first === first && range.end === first + count,
    );
    if (at >= 0) this.ranges.splice(at, 1);
  }

  clear(): void {
    this.ranges = [];
  }

  /** First numbers and ends, one after the other. */
  save(): readonly number[] {
    return this.ranges.flatMap(({ first, end }) => [first, end]);
  }

  restore(saved: readonly number[]): void {
    this.ranges = [];
    for (let at = 0; at + 1 < saved.length; at += 2) {
      this.ranges.push({
        first: present(saved[at], 'first number'),
        end: present(saved[at + 1], 'end of the range'),
      });
    }
  }

  has(number: number): boolean {
    return this.ranges.some(({ first, end }) => number >= first && number < end);
  }
}
