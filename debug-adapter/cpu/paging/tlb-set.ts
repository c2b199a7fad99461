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

export class TlbSet {
  private readonly words: Int32Array;
  /** Indices of entries filled since the last flush; none is missing unless there are too many. */
  private readonly listed = new Uint16Array(listedMax);
  private listedCount = 0;
  private isOverfull = true;

  /** @param at offset of the first entry in the space */
  constructor(
    bytes: Uint8Array,
    at: number,
    private readonly entries: number,
  ) {
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset + at, entries * wordsPerEntry);
    this.flush();
  }

  fill(low: number, high: number, value: number): void {
    const { words } = this;
    const index = (low >>> 12) & (this.entries - 1);
    const at = index * wordsPerEntry;
    if (words[at] === invalidLow(index)) this.list(index);
    words[at] = low & ~0xfff;
    words[at + 1] = high;
    words[at + 2] = value;
  }

  /** True where no entry has been filled since the last flush. */
  get isEmpty(): boolean {
    return this.listedCount === 0 && !this.isOverfull;
  }

  flush(): void {
    if (this.isOverfull) {
      for (let index = 0; index < this.entries; index++) this.invalidate(index);
    } else {
      for (let n = 0; n < this.listedCount; n++) this.invalidate(this.listed[n] ?? 0);
    }
    this.listedCount = 0;
    this.isOverfull = false;
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
    this.dropWhere((at) => (this.words[at + 1] ?? 0) >= 0);
  }

  private pageAt(at: number): number {
    return linearPage(this.words[at] ?? 0, this.words[at + 1] ?? 0);
  }

  private list(index: number): void {
    if (this.listedCount === listedMax) this.isOverfull = true;
    else this.listed[this.listedCount++] = index;
  }

  private dropWhere(isDropped: (at: number) => boolean): void {
    if (this.isOverfull) {
      for (let index = 0; index < this.entries; index++) {
        if (isDropped(index * wordsPerEntry)) this.invalidate(index);
      }
      return;
    }
    let kept = 0;
    for (let n = 0; n < this.listedCount; n++) {
      const index = this.listed[n] ?? 0;
      if (isDropped(index * wordsPerEntry)) this.invalidate(index);
      if (this.words[index * wordsPerEntry] !== invalidLow(index)) this.listed[kept++] = index;
    }
    this.listedCount = kept;
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
