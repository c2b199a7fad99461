/**
 * The TLB of instruction fetches with the jump cache and the record cache of the same privilege: these remember
 * translated regions by instruction pointer and records by linear address, and are good as long as no page of code has
 * gone.
 */
import type { LinearAddressBits } from '../../spec/x86/address-widths';
import {
  codeTlbEntries,
  jumpCacheEntries,
  jumpCacheEntryShift,
  jumpCacheOffsets,
  recordCacheEntries,
  recordCacheEntryShift,
  recordCacheOffsets,
  tlbOffsets,
} from '../memory-map';
import { PageFrames } from './page-frames';
import { linearPage, TlbSet, upperHalfStart } from './tlb-set';

export class CodeTlb {
  private readonly set: TlbSet;
  /** Frames of pages that entries of the TLB or of a cache may be about: with top bit 0, and 1. */
  private readonly lower = new PageFrames();
  private readonly upper = new PageFrames();
  private epoch = 0;
  /** Epochs are part of a tag's unused bits below the top one: no canonical address has the tag of another epoch's. */
  private readonly epochShift: number;
  private readonly epochMax: number;

  /**
   * @param privilege index into `tlbOffsets.code`
   * @param addressBits of the linear addresses that the processor supports
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly vpBase: number,
    private readonly privilege: 0 | 1,
    addressBits: LinearAddressBits,
  ) {
    this.epochShift = addressBits - 32;
    this.epochMax = 2 ** (63 - addressBits) - 1;
    this.set = new TlbSet(bytes, vpBase + (tlbOffsets.code[privilege] ?? 0), codeTlbEntries);
    this.forgetJumps();
  }

  /** Upper half of what tags of both caches are combined with, by exclusive or; the lower half is 0. */
  get jumpEpochHigh(): number {
    return this.epoch << this.epochShift;
  }

  /** @param table address of the offset table of the code page that lies in `frame` */
  fill(low: number, high: number, frame: number, table: number): void {
    this.noteFrame(low, high, frame);
    this.set.fill(low, high, table);
  }

  /** Remembers which frame the instructions of a page come from. */
  noteFrame(low: number, high: number, frame: number): void {
    const pages = high < 0 ? this.upper : this.lower;
    if (pages.isFull) this.flush();
    pages.set(linearPage(low, high), frame);
  }

  /** Frame of the instructions at a linear address; undefined where that has to be found by a walk. */
  frameOf(low: number, high: number): number | undefined {
    return (high < 0 ? this.upper : this.lower).get(linearPage(low, high));
  }

  /** Address of the offset table of the code page at a linear address, where it is cached. */
  find(low: number, high: number): number | undefined {
    return this.set.find(low, high);
  }

  flush(): void {
    if (this.lower.isEmpty && this.upper.isEmpty) return;
    this.set.flush();
    this.lower.clear();
    this.upper.clear();
    this.forgetJumps();
  }

  /** @returns whether the page was there, so that jumps to it are forgotten */
  dropPage(page: number): boolean {
    if (!(page < upperHalfStart ? this.lower : this.upper).delete(page)) return false;
    this.set.dropPage(page);
    this.forgetJumps();
    return true;
  }

  dropRange(first: number, count: number): void {
    if (first < upperHalfStart) this.dropFrom(this.lower, first, count);
    if (first + count > upperHalfStart) this.dropFrom(this.upper, first, count);
  }

  dropLowerHalf(): void {
    if (this.lower.isEmpty) return;
    this.set.dropLowerHalf();
    this.lower.clear();
    this.forgetJumps();
  }

  /** Empties both caches. */
  forgetJumps(): void {
    this.epoch++;
    if (this.epoch <= this.epochMax && this.epoch > 1) return;
    this.epoch = 1;
    const jumps = this.vpBase + jumpCacheOffsets[this.privilege];
    this.bytes.fill(0, jumps, jumps + (jumpCacheEntries << jumpCacheEntryShift));
    const records = this.vpBase + recordCacheOffsets[this.privilege];
    this.bytes.fill(0, records, records + (recordCacheEntries << recordCacheEntryShift));
  }

  private dropFrom(pages: PageFrames, first: number, count: number): void {
    let any = false;
    pages.deleteRange(first, count, (page) => {
      this.set.dropPage(page);
      any = true;
    });
    if (any) this.forgetJumps();
  }
}
