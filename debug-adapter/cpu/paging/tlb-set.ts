/** One software TLB: direct-mapped entries in the code space, read by generated code, filled and dropped here. */
import { tlbEntryBytes } from '../memory-map';

const wordsPerEntry = tlbEntryBytes / 4;
/** Filled entries that are remembered one by one; beyond that a flush goes over all of them. */
const listedMax = 512;
/** Linear pages have 45 bits above the page offset (57-bit addresses): as many as 5-level paging translates. */
export const linearHighBits = 0x1ffffff;
/** {@link linearPage} of the first address whose top bit is 1. */
export const upperHalfStart = 2 ** 44;

/** Number of the page at a linear address, of either half of the address space, without the copies of the sign bit. */
export function linearPage(low: number, high: number): number {
  return (high & linearHighBits) * 0x100000 + (low >>> 12);
}

/** Indices of entries that were filled with addresses of one half of the address space since it was dropped. */
class FilledList {
  readonly indices = new Uint16Array(listedMax);
  count = 0;
  isOverfull = false;

  /** @param bit in an entry's last word, says that the list has it */
  constructor(readonly bit: 1 | 2) {}

  add(index: number): void {
    if (this.count === listedMax) this.isOverfull = true;
    else this.indices[this.count++] = index;
  }

  clear(): void {
    this.count = 0;
    this.isOverfull = false;
  }
}

export class TlbSet {
  private readonly words: Int32Array;
  /** For addresses whose top bit is 0, and 1. */
  private readonly lower = new FilledList(1);
  private readonly upper = new FilledList(2);

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
    const list = high < 0 ? this.upper : this.lower;
    const listed = words[at + 3] ?? 0;
    if ((listed & list.bit) === 0) {
      words[at + 3] = listed | list.bit;
      list.add(index);
    }
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
    this.dropHalf(this.lower);
    this.dropHalf(this.upper);
  }

  /** Drops entries of `count` pages from `first`, as {@link linearPage} numbers them. */
  dropRange(first: number, count: number): void {
    if (count === 1) {
      const index = first & (this.entries - 1);
      if (this.pageAt(index) === first) this.invalidate(index);
      return;
    }
    if (first < upperHalfStart) this.dropListedRange(this.lower, first, count);
    if (first + count > upperHalfStart) this.dropListedRange(this.upper, first, count);
  }

  /** Drops entries that lead to `value`. */
  dropValue(value: number): void {
    this.dropListedValue(this.lower, value);
    this.dropListedValue(this.upper, value);
  }

  /** Drops entries of addresses whose top bit is 0. */
  dropLowerHalf(): void {
    this.dropHalf(this.lower);
  }

  private pageAt(index: number): number {
    const at = index * wordsPerEntry;
    return linearPage(this.words[at] ?? 0, this.words[at + 1] ?? 0);
  }

  /** How many entries have to be looked at for those of a list. */
  private lengthOf(list: FilledList): number {
    return list.isOverfull ? this.entries : list.count;
  }

  private indexIn(list: FilledList, n: number): number {
    return list.isOverfull ? n : (list.indices[n] ?? 0);
  }

  private dropHalf(list: FilledList): void {
    const { words } = this;
    const isUpper = list === this.upper;
    const count = this.lengthOf(list);
    for (let n = 0; n < count; n++) {
      const index = this.indexIn(list, n);
      const at = index * wordsPerEntry;
      words[at + 3] = (words[at + 3] ?? 0) & ~list.bit;
      // An address of the other half may have taken the place.
      if ((words[at + 1] ?? 0) < 0 === isUpper) this.invalidate(index);
    }
    list.clear();
  }

  /** Leaves what remains in the list, so that it does not grow with what is dropped. */
  private dropListedRange(list: FilledList, first: number, count: number): void {
    const { words } = this;
    const listed = this.lengthOf(list);
    const { isOverfull } = list;
    let kept = 0;
    for (let n = 0; n < listed; n++) {
      const index = isOverfull ? n : (list.indices[n] ?? 0);
      const page = this.pageAt(index);
      const isDropped = page >= first && page < first + count;
      if (isDropped) this.invalidate(index);
      if (isOverfull) continue;
      if (isDropped)
        words[index * wordsPerEntry + 3] = (words[index * wordsPerEntry + 3] ?? 0) & ~list.bit;
      else list.indices[kept++] = index;
    }
    if (!isOverfull) list.count = kept;
  }

  private dropListedValue(list: FilledList, value: number): void {
    const { words } = this;
    const count = this.lengthOf(list);
    for (let n = 0; n < count; n++) {
      const index = this.indexIn(list, n);
      if (words[index * wordsPerEntry + 2] === value) this.invalidate(index);
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
