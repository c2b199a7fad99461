/** The memory pool of a partition (TLFS 5.2): pages that its parent has given for what the hypervisor keeps about it. */
import { assert } from '../../support/assert';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { PageRanges } from './page-ranges';

/**
 * Pages that each thing takes. The hypervisor's own memory is not emulated, so these are a model: a processor has its
 * VMCS, three pages of access bitmaps, register state, a local APIC page and the pages of its SynIC.
 */
export const poolPages = { partition: 16, processor: 12, secondLevelTable: 1, port: 1 } as const;

const version = 1;

export class MemoryPool {
  private readonly pages = new PageRanges();
  private used = 0;

  /** Pages that nothing uses. */
  get available(): number {
    return this.pages.count - this.used;
  }

  get inUse(): number {
    return this.used;
  }

  /** True where the pool has one of `count` pages from `first` on. */
  holds(first: number, count: number): boolean {
    return this.pages.overlaps(first, count);
  }

  deposit(page: number): void {
    this.pages.add(page, 1);
  }

  /** A page that nothing uses goes back; undefined where there is none. */
  withdraw(): number | undefined {
    return this.available > 0 ? this.pages.takeLast() : undefined;
  }

  /** Takes pages for something. @returns false, with nothing taken, where there are too few */
  use(count: number): boolean {
    if (this.available < count) return false;
    this.used += count;
    return true;
  }

  release(count: number): void {
    assert(count <= this.used, 'the pages were in use');
    this.used -= count;
  }

  /** Nothing of the partition is left. */
  releaseAll(): void {
    this.used = 0;
  }

  save(): StateNode {
    return { version, pages: this.pages.save(), used: this.used };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    if (!this.pages.restore(record.numbers('pages'))) {
      throw record.mismatch('pages', 'ranges of pages, ascending and apart');
    }
    this.used = record.count('used', this.pages.count);
  }
}
