/** Ranges of ports or of guest-physical addresses whose accesses the parent sees. */

interface Range {
  readonly first: number;
  /** First number behind the range. */
  readonly end: number;
}

/** Few ranges, which may overlap; each is removed as it was added. */
export class InterceptedRanges {
  private readonly ranges: Range[] = [];

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

  has(number: number): boolean {
    return this.ranges.some(({ first, end }) => number >= first && number < end);
  }
}
