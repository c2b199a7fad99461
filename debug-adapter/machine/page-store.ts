/** Copies of guest pages, shared by all snapshots that hold them. */
import { assert } from '../support/assert';
import { pageSizeBytes } from './addresses';

/** Stands for a page of zeros, which takes no room. */
export const zeroPage = -1;

const slabPages = 256;
const wordsPerPage = pageSizeBytes / 4;

/** True where every byte of a page is zero. */
export function isZeroPage(page: Uint8Array): boolean {
  const words = new Int32Array(page.buffer, page.byteOffset, wordsPerPage);
  // Not `for … of`, which is slow until it has been optimized: the first checkpoint is taken before.
  for (let index = 0; index < wordsPerPage; index++) if (words[index] !== 0) return false;
  return true;
}

/** A page is named by its slot. It is kept as long as someone holds it; its slot is then used again. */
export class PageStore {
  private readonly slabs: Uint8Array[] = [];
  /** How many hold each page; 0 where a slot is free. */
  private readonly holders: number[] = [];
  private readonly freeSlots: number[] = [];
  private used = 0;

  /** Bytes of the pages that are held. */
  get sizeBytes(): number {
    return this.used * pageSizeBytes;
  }

  /**
   * Copies a page, for one holder.
   * @param page its bytes, which start on a 4-byte boundary
   * @returns its slot
   */
  keep(page: Uint8Array): number {
    if (isZeroPage(page)) return zeroPage;
    const slot = this.freeSlots.pop() ?? this.holders.length;
    if (slot === this.slabs.length * slabPages) {
      this.slabs.push(new Uint8Array(slabPages * pageSizeBytes));
    }
    this.holders[slot] = 1;
    this.used++;
    this.bytesOf(slot).set(page);
    return slot;
  }

  /** One more holder of a kept page. */
  hold(slot: number): void {
    if (slot !== zeroPage) this.holders[slot] = this.holdersOf(slot) + 1;
  }

  /** One holder fewer. */
  release(slot: number): void {
    if (slot === zeroPage) return;
    const left = this.holdersOf(slot) - 1;
    this.holders[slot] = left;
    if (left > 0) return;
    this.freeSlots.push(slot);
    this.used--;
  }

  /** True where more than one holds a page, so that nobody may change it. */
  isShared(slot: number): boolean {
    return this.holdersOf(slot) > 1;
  }

  /** The bytes of a kept page. */
  bytesOf(slot: number): Uint8Array {
    assert(slot !== zeroPage, 'a page of zeros has no bytes');
    const slab = this.slabs[Math.floor(slot / slabPages)];
    assert(slab !== undefined, 'a slot of this store');
    const at = (slot % slabPages) * pageSizeBytes;
    return slab.subarray(at, at + pageSizeBytes);
  }

  private holdersOf(slot: number): number {
    const holders = this.holders[slot] ?? 0;
    assert(holders > 0, 'a page that someone holds');
    return holders;
  }
}
