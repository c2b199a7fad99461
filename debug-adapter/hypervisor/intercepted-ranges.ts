/** Ranges of ports or of guest-physical addresses whose accesses the parent sees. */
interface Range {
  readonly first: number;
  /** First number behind the range. */
  readonly end: number;
}

/** Few ranges, which may overlap; each is removed as it was added. */
export class InterceptedRanges {
  private ranges: Range[] = [];
  /** The range of the last number that was found: a guest accesses one device many times in a row. */
  private latest: Range | undefined;

  add(first: number, count: number): void {
    this.ranges.push({ first, end: first + count });
  }

  /** Takes away one range that was added with the same numbers; nothing happens where there is none. */
  remove(first: number, count: number): void {
    const at = this.ranges.findIndex(
      (range) => range.first === first && range.end === first + count,
    );
    if (at < 0) return;
    this.ranges.splice(at, 1);
    this.latest = undefined;
  }

  clear(): void {
    this.ranges = [];
    this.latest = undefined;
  }

  /** First numbers and ends, one after the other. */
  save(): readonly number[] {
    return this.ranges.flatMap(({ first, end }) => [first, end]);
  }

  /** @returns false, with nothing changed, where no ranges save such numbers */
  restore(saved: readonly number[]): boolean {
    const ranges: Range[] = [];
    for (let at = 0; at < saved.length; at += 2) {
      const [first = NaN, end = NaN] = saved.slice(at, at + 2);
      if (!(first >= 0 && end >= first)) return false;
      ranges.push({ first, end });
    }
    this.ranges = ranges;
    this.latest = undefined;
    return true;
  }

  has(number: number): boolean {
    const { latest } = this;
    const isLatest = latest !== undefined && number >= latest.first && number < latest.end;
    return isLatest || this.isInAny(number);
  }

  private isInAny(number: number): boolean {
    const range = this.ranges.find(({ first, end }) => number >= first && number < end);
    if (range !== undefined) this.latest = range;
    return range !== undefined;
  }
}
