/**
 * Which paging structures fed the TLBs of a partition, and for which addresses: a write to one of them drops what was
 * made from the old entry, and nothing else (decision 25). An entry that was not present cannot have fed any.
 */
import { frameFeedsTranslation, type GuestMemory } from '../../machine/guest-memory';
import { linearPage } from './tlb-set';

/** What drops derived entries, on every processor of the partition. */
export interface DerivedEntries {
  /** @param page number, as `linearPage` gives it */
  dropPage(page: number): void;
  /** More than one page. @param first number of the first one */
  dropRange(first: number, count: number): void;
  dropAll(): void;
}

const present = 1;
/** A structure at which addresses were translated that lie in different places: below all that it could translate. */
const ambiguous = -(2 ** 53);
/** Writes to a structure without a walk through it, after which it is taken to be one no longer. */
const idleWritesMax = 32;

export class TranslationSources {
  /** By frame: number of the first page that the structure translates, and how many an entry of it stands for. */
  private readonly firstPage: Float64Array;
  private readonly pagesPerEntry: Float64Array;
  private readonly entryBytes: Uint8Array;
  private readonly idleWrites: Uint8Array;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly memory: GuestMemory,
    private readonly entries: DerivedEntries,
  ) {
    this.firstPage = new Float64Array(memory.frameCount);
    this.pagesPerEntry = new Float64Array(memory.frameCount);
    this.entryBytes = new Uint8Array(memory.frameCount);
    this.idleWrites = new Uint8Array(memory.frameCount);
  }

  /** A walk for linear address `high`:`low` went through a frame, at an entry that stands for so many pages. */
  note(frame: number, low: number, high: number, pages: number, entryBytes: 4 | 8): void {
    const { memory } = this;
    const span = pages * (4096 / entryBytes);
    const page = linearPage(low, high);
    this.idleWrites[frame] = 0;
    if ((memory.flagsOf(frame) & frameFeedsTranslation) === 0) {
      this.firstPage[frame] = Math.floor(page / span) * span;
      this.pagesPerEntry[frame] = pages;
      this.entryBytes[frame] = entryBytes;
      memory.addFlag(frame, frameFeedsTranslation);
      return;
    }
    const first = this.firstPage[frame] ?? ambiguous;
    const isSame =
      page >= first &&
      page < first + span &&
      this.pagesPerEntry[frame] === pages &&
      this.entryBytes[frame] === entryBytes;
    if (!isSame) this.firstPage[frame] = ambiguous;
  }

  /**
   * A walk went through the last structure of an earlier one, for an address in the same stretch: what {@link note} was
   * told then still holds, as what is remembered of walks is dropped with it.
   */
  noteAgain(frame: number): void {
    this.idleWrites[frame] = 0;
  }

  /** Bytes of a frame that feeds translations are about to change. */
  willChange(frame: number, from: number, bytes: number): void {
    const writes = (this.idleWrites[frame] ?? 0) + 1;
    this.idleWrites[frame] = writes;
    const first = this.firstPage[frame] ?? ambiguous;
    if (first === ambiguous) {
      if (writes > idleWritesMax || this.hadPresent(frame, from, bytes)) this.entries.dropAll();
      return;
    }
    const pages = this.pagesPerEntry[frame] ?? 0;
    const size = this.entryBytes[frame] ?? 8;
    if (writes > idleWritesMax) {
      this.entries.dropRange(first, pages * (4096 / size));
      this.memory.clearFlag(frame, frameFeedsTranslation);
      return;
    }
    const end = from + bytes;
    for (let at = from - (from % size); at < end; at += size) {
      if (!this.isPresent(frame, at)) continue;
      if (pages === 1) this.entries.dropPage(first + at / size);
      else this.entries.dropRange(first + (at / size) * pages, pages);
    }
  }

  /** Whether any entry, of either size, among the bytes is present. */
  private hadPresent(frame: number, from: number, bytes: number): boolean {
    for (let at = from & ~7; at < from + bytes; at += 4) {
      if (this.isPresent(frame, at)) return true;
    }
    return false;
  }

  private isPresent(frame: number, at: number): boolean {
    return ((this.bytes[this.memory.frameOffset(frame) + at] ?? 0) & present) !== 0;
  }
}
