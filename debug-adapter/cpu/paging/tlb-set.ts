/** One software TLB: direct-mapped entries in the code space, read by generated code, filled and dropped here. */
import { present } from '../../support/assert';
import { tlbEntryBytes } from '../memory-map';

const wordsPerEntry = tlbEntryBytes / 4;
/** Filled entries that a list remembers one by one; beyond that a flush goes over all of them. */
const listedMax = 1024;
/** Lists of each half of the address space: each gibibyte has one of them. */
const listsOfHalf = 8;
/** Shift of a page number to that of its gibibyte. */
const gibibyteShift = 18;
const pagesOfGibibyte = 2 ** gibibyteShift;
/** Linear pages have 45 bits above the page offset (57-bit addresses): as many as 5-level paging translates. */
export const linearHighBits = 0x1ffffff;
/** {@link linearPage} of the first address whose top bit is 1. */
export const upperHalfStart = 2 ** 44;

/** Number of the page at a linear address, of either half of the address space, without the copies of the sign bit. */
export function linearPage(low: number, high: number): number {
  return (high & linearHighBits) * 0x100000 + (low >>> 12);
}

/** Indices of entries that were filled with addresses of some gibibytes since they were dropped. */
class FilledList {
  readonly indices = new Uint16Array(listedMax);
  count = 0;
  isOverfull = false;

  /** @param bit in an entry's last word, says that the list has it */
  constructor(readonly bit: number) {}

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
  /** Bits of the lists that may have something: a switch of processes finds most of them empty. */
  private filled = 0;
  /** Those for addresses whose top bit is 0, then those for 1. */
  private readonly lists = Array.from(
    { length: 2 * listsOfHalf },
    (_, index) => new FilledList(1 << index),
  );

  /** @param at offset of the first entry in the space, where all bytes are 0: page 0, which is no other entry's */
  constructor(
    bytes: Uint8Array,
    at: number,
    private readonly entries: number,
  ) {
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset + at, entries * wordsPerEntry);
    this.invalidate(0);
  }

  fill(low: number, high: number, value: number): void {
    const { words } = this;
    const index = (low >>> 12) & (this.entries - 1);
    const at = index * wordsPerEntry;
    const list = this.listOf((high << 2) | (low >>> 30), high < 0);
    const listed = words[at + 3] ?? 0;
    if ((listed & list.bit) === 0) {
      words[at + 3] = listed | list.bit;
      list.add(index);
      this.filled |= list.bit;
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
    this.dropLists(0, 2 * listsOfHalf);
  }

  /** Drops the entry of a page, as {@link linearPage} numbers it. */
  dropPage(page: number): void {
    const { words } = this;
    const index = page & (this.entries - 1);
    const at = index * wordsPerEntry;
    const low = words[at] ?? 0;
    const high = words[at + 1] ?? 0;
    const isCached = linearPage(low, high) === page;
    const invalid = invalidLow(index);
    // Written in any case: most pages are in few TLBs, and a branch that is first taken late costs an optimization.
    words[at] = isCached ? invalid : low;
    words[at + 1] = isCached ? 0 : high;
  }

  /** The same of `count` pages from `first`. */
  dropRange(first: number, count: number): void {
    const gibibyte = Math.floor(first / pagesOfGibibyte);
    if (Math.floor((first + count - 1) / pagesOfGibibyte) === gibibyte) {
      this.dropListedRange(this.listOf(gibibyte, first >= upperHalfStart), first, count);
    } else for (const list of this.lists) this.dropListedRange(list, first, count);
  }

  /** Drops entries that lead to `value`. */
  dropValue(value: number): void {
    for (const list of this.lists) this.dropListedValue(list, value);
  }

  /** Drops the entry in a place if it leads to `value`. */
  dropValueAt(index: number, value: number): void {
    if (this.words[index * wordsPerEntry + 2] === value) this.invalidate(index);
  }

  /** Drops entries of addresses whose top bit is 0. */
  dropLowerHalf(): void {
    this.dropLists(0, listsOfHalf);
  }

  /** The list of a gibibyte; its number may lack the copies of the sign bit. */
  private listOf(gibibyte: number, isUpper: boolean): FilledList {
    const index = (gibibyte ^ (gibibyte >>> 9)) & (listsOfHalf - 1);
    return present(this.lists[isUpper ? listsOfHalf + index : index], 'list');
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

  private dropLists(from: number, to: number): void {
    const bits = (1 << to) - (1 << from);
    if ((this.filled & bits) === 0) return;
    this.filled &= ~bits;
    for (let index = from; index < to; index++) {
      const list = present(this.lists[index], 'list');
      if (list.count > 0) this.dropList(list, index >= listsOfHalf);
    }
  }

  private dropList(list: FilledList, isUpper: boolean): void {
    const { words } = this;
    const count = this.lengthOf(list);
    for (let n = 0; n < count; n++) {
      const index = this.indexIn(list, n);
      const at = index * wordsPerEntry;
      const listed = words[at + 3] ?? 0;
      if ((listed & list.bit) === 0) continue;
      words[at + 3] = listed & ~list.bit;
      // An address of the other half may have taken the place.
      if ((words[at + 1] ?? 0) < 0 === isUpper) this.invalidate(index);
    }
    list.clear();
  }

  /** Leaves what remains in the list, so that it does not grow with what is dropped. */
  private dropListedRange(list: FilledList, first: number, count: number): void {
    const { words } = this;
    const { isOverfull } = list;
    const listed = this.lengthOf(list);
    let kept = 0;
    for (let n = 0; n < listed; n++) {
      const index = this.indexIn(list, n);
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

/** An invalid entry holds a page that belongs to another index, so that nothing can match it: page 0, or else page 1. */
function invalidLow(index: number): number {
  return index === 0 ? 0x1000 : 0;
}
