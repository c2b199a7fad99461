/** Copies of guest pages, shared by all snapshots that hold the same content. */
import { assert, present } from '../support/assert';
import { pageSizeBytes } from './addresses';

/** Stands for a page of zeros, which takes no room. */
export const zeroPage = -1;

const slabPages = 256;
const wordsPerPage = pageSizeBytes / 4;

interface KeptPage {
  readonly content: number;
  holders: number;
}

/** True where every byte of a page is zero. */
export function isZeroPage(page: Uint8Array): boolean {
  const words = new Int32Array(page.buffer, page.byteOffset, wordsPerPage);
  for (const word of words) if (word !== 0) return false;
  return true;
}

/** A page is named by its slot. It is kept as long as someone holds it; its slot is then used again. */
export class PageStore {
  private readonly slabs: Uint8Array[] = [];
  private readonly pages: (KeptPage | undefined)[] = [];
  private readonly slotOfContent = new Map<number, number>();
  private readonly freeSlots: number[] = [];
  private used = 0;

  /** Bytes of the pages that are held. */
  get sizeBytes(): number {
    return this.used * pageSizeBytes;
  }

  /**
   * Holds a page with this content id, copied unless a copy is there.
   * @param page its bytes, which start on a 4-byte boundary
   */
  keep(content: number, page: Uint8Array): number {
    const known = this.slotOfContent.get(content);
    if (known !== undefined) {
      this.hold(known);
      return known;
    }
    if (isZeroPage(page)) return zeroPage;
    const slot = this.freeSlots.pop() ?? this.pages.length;
    if (slot === this.slabs.length * slabPages) {
      this.slabs.push(new Uint8Array(slabPages * pageSizeBytes));
    }
    this.pages[slot] = { content, holders: 1 };
    this.slotOfContent.set(content, slot);
    this.used++;
    this.bytesOf(slot).set(page);
    return slot;
  }

  /** One more holder of a kept page. */
  hold(slot: number): void {
    if (slot !== zeroPage) this.pageOf(slot).holders++;
  }

  /** One holder fewer. */
  release(slot: number): void {
    if (slot === zeroPage) return;
    const page = this.pageOf(slot);
    if (--page.holders > 0) return;
    this.slotOfContent.delete(page.content);
    this.pages[slot] = undefined;
    this.freeSlots.push(slot);
    this.used--;
  }

  /** The bytes of a kept page. */
  bytesOf(slot: number): Uint8Array {
    assert(slot !== zeroPage, 'a page of zeros has no bytes');
    const slab = present(this.slabs[Math.floor(slot / slabPages)], 'slab of pages');
    const at = (slot % slabPages) * pageSizeBytes;
    return slab.subarray(at, at + pageSizeBytes);
  }

  private pageOf(slot: number): KeptPage {
    return present(this.pages[slot], 'kept page');
  }
}
