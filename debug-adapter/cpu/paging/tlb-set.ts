/** One software TLB: direct-mapped entries in the code space, read by generated code, filled and dropped here. */
import { tlbEntryBytes } from '../memory-map';

const wordsPerEntry = tlbEntryBytes / 4;
/** Filled entries that are remembered one by one; beyond that a flush goes over all of them. */
const listedMax = 512;
/** Linear pages have 45 bits above the page offset (57-bit addresses): as many as 5-level paging translates. */
const highBits = 0x1ffffff;

/** Number of the page at a linear address, of either half of the address space, without the copies of the sign bit. */
export function linearPage(low: number, high: number): number {
  return (high & highBits) * 0x100000 + (low >>> 12);
}

/** Indices of filled entries; none is missing unless there are too many. */
class FilledList {
  private readonly indices = new Uint16Array(listedMax);
  private count = 0;
  isOverfull = false;

  get isEmpty(): boolean {
    return this.count === 0 && !this.isOverfull;
  }

  add(index: number): void {
    if (this.count === listedMax) this.isOverfull = true;
    else this.indices[this.count++] = index;
  }

  clear(): void {
    this.count = 0;
    this.isOverfull = false;
  }

  /** Calls `visit` for each index, and keeps those for which it is true. */
  keep(visit: (index: number) => boolean): void {
    let kept = 0;
    for (let n = 0; n < this.count; n++) {
      const index = this.indices[n] ?? 0;
      if (visit(index)) this.indices[kept++] = index;
    }
    this.count = kept;
  }
}

export class TlbSet {
  private readonly words: Int32Array;
  /** Entries filled since the last flush, of addresses whose top bit is 0, and 1. */
  private readonly lower = new FilledList();
  private readonly upper = new FilledList();

  /** @param at offset of the first entry in the space */
  constructor(
    bytes: Uint8Array,
    at: number,
    private readonly entries: number,
  ) {
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset + at, entries * wordsPerEntry);
    for (let index = 0; index < entries; index++) this.invalidate(index);
  }

  fill(low: number, high: number, value: number): void {
    const { words } = this;
    const index = (low >>> 12) & (this.entries - 1);
    const at = index * wordsPerEntry;
    const isListed = words[at] !== invalidLow(index) && (words[at + 1] ?? 0) < 0 === high < 0;
    if (!isListed) (high < 0 ? this.upper : this.lower).add(index);
    words[at] = low & ~0xfff;
    words[at + 1] = high;
    words[at + 2] = value;
  }

  /** Value of the page at a linear address; undefined where it is not cached. */
  find(low: number, high: number): number | undefined {
    const at = ((low >>> 12) & (this.entries - 1)) * wordsPerEntry;
    const isHit = this.words[at] === (low & ~0xfff) && this.words[at + 1] === high;
    return isHit ? this.words[at + 2] : undefined;
  }

  flush(): void {
    this.dropWhere(() => true);
  }

  /** Drops entries of `count` pages from `first`, as {@link linearPage} numbers them. */
  dropRange(first: number, count: number): void {
    if (count === 1) {
      const index = first & (this.entries - 1);
      if (this.pageAt(index * wordsPerEntry) === first) this.invalidate(index);
      return;
    }
    this.dropWhere((at) => {
      const page = this.pageAt(at);
      return page >= first && page < first + count;
    });
  }

  /** Drops entries that lead to `value`. */
  dropValue(value: number): void {
    this.dropWhere((at) => this.words[at + 2] === value);
  }

  /** Drops entries of addresses whose top bit is 0. */
  dropLowerHalf(): void {
    this.dropListed(this.lower, (at) => (this.words[at + 1] ?? 0) >= 0);
  }

  private pageAt(at: number): number {
    return linearPage(this.words[at] ?? 0, this.words[at + 1] ?? 0);
  }

  private dropWhere(isDropped: (at: number) => boolean): void {
    this.dropListed(this.lower, isDropped);
    this.dropListed(this.upper, isDropped);
  }

  private dropListed(list: FilledList, isDropped: (at: number) => boolean): void {
    if (list.isEmpty) return;
    const keeps = (index: number): boolean => {
      if (isDropped(index * wordsPerEntry)) this.invalidate(index);
      return this.words[index * wordsPerEntry] !== invalidLow(index);
    };
    if (!list.isOverfull) return list.keep(keeps);
    list.clear();
    const isUpper = list === this.upper;
    for (let index = 0; index < this.entries; index++) {
      if (!keeps(index)) continue;
      if ((this.words[index * wordsPerEntry + 1] ?? 0) < 0 === isUpper) list.add(index);
    }
  }

  private invalidate(index: number): void {
    const at = index * wordsPerEntry;
    this.words[at] = invalidLow(index);
    this.words[at + 1] = 0;
  }
}

/**
 * An invalid entry holds a page that belongs to another index, so that nothing can match it: page 1, and page 0 in the
 * entry of page 1.
 */
function invalidLow(index: number): number {
  return index === 1 ? 0 : 0x1000;
}
