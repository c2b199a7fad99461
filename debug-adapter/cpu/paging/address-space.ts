/**
 * What a new CR3 leaves of the TLBs. They are invisible (decision 3), so nothing has to go that the new structures
 * would give again: an operating system's part is the same in every address space. Comparing two spaces takes longer than
 * dropping what differs, so the outcome is remembered with the contents that were compared.
 */
import { Cr4 } from '../../spec/x86/control-registers';
import { frameOfEntry, rightRead, rightsOfEntry } from '../../machine/guest-memory';
import { physicalAddressBits } from '../../spec/x86/address-widths';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { structurePage } from './page-walk';
import type { TranslationCaches } from './translation-caches';

const cr0Paging = 1 << 31;
const presentAndAccessed = 0x21;
/** Bits of an entry's halves that are part of an address. */
const addressLow = ~0xfff;
const addressHigh = (1 << (physicalAddressBits - 32)) - 1;
/** Of the 512 entries of a PML4 or PML5 table, the second half translates addresses whose top bit is 1. */
const half = 256;
/** Of either: what an entry stands for, and the upper half of the first address whose top bit is 1. */
const fourLevels = { pagesOfEntry: 512 ** 3, upperHigh: ~0x7fff } as const;
const fiveLevels = { pagesOfEntry: 512 ** 4, upperHigh: ~0xffffff } as const;
/** The same of an entry below a PML4E, and of one in the directory of 32-bit paging. */
const pagesOfPointer = 512 ** 2;
const pagesOfDirectoryEntry = 1024;
/** Differing entries of a table that are dropped one by one. */
const dropsMax = 8;
/** Comparisons that are remembered, as a power of two: an operating system switches among few spaces for a while. */
const rememberedBits = 8;
/** Structures that a remembered comparison has looked at. */
const comparedMax = 8;

/** Pages whose translation may differ, as `linearPage` numbers them. */
interface Range {
  readonly first: number;
  readonly count: number;
}

/** What goes from the TLBs: everything, what is for addresses whose top bit is 0, or some ranges. */
type Change = 'all' | 'lower' | readonly Range[];

type Paging = 'two levels' | 'four levels' | 'five levels';

/** A structure that was compared, where it lay, and the content that it had. */
interface Compared {
  readonly page: number;
  readonly frame: number;
  readonly content: number;
}

/** A structure of the new space from which what stays in the TLBs comes as well. */
interface Source {
  readonly frame: number;
  /** Upper half of the first linear address, whose lower half is 0, and what an entry stands for. */
  readonly high: number;
  readonly pagesOfEntry: number;
}

/** The outcome of comparing two spaces; the first two compared structures are those that CR3 names. */
interface Comparison {
  readonly paging: Paging;
  readonly compared: readonly Compared[];
  readonly change: Change;
  readonly sources: readonly Source[];
}

export class AddressSpaces {
  private readonly remembered: (Comparison | undefined)[] = new Array<undefined>(
    2 ** rememberedBits,
  );
  /** Of the comparison in progress. */
  private compared: Compared[] = [];
  private sources: Source[] = [];

  constructor(
    private readonly context: ProcessorContext,
    private readonly caches: TranslationCaches,
  ) {}

  /** Drops what does not hold any longer, after CR3 has changed from the value whose halves are given. */
  changed(oldLow: number, oldHigh: number): void {
    const { context, caches } = this;
    const { state, isLongMode } = context;
    const isPaging = (state.readU32(vmcsOffsets.cr0) & cr0Paging) !== 0;
    const cr4 = state.readU32(vmcsOffsets.cr4);
    if (!isPaging || (!isLongMode && (cr4 & Cr4.PAE) !== 0)) return caches.flush();
    const old = structurePage(oldLow, oldHigh);
    const next = structurePage(state.readU32(vmcsOffsets.cr3), state.readHigh(vmcsOffsets.cr3));
    const oldFrame = this.readableFrame(old);
    const nextFrame = this.readableFrame(next);
    if (oldFrame < 0 || nextFrame < 0) return caches.flush();
    if (oldFrame === nextFrame) return;
    const longPaging = (cr4 & Cr4.LA57) !== 0 ? 'five levels' : 'four levels';
    const comparison = this.comparison(isLongMode ? longPaging : 'two levels', old, next);
    const entryBytes = isLongMode ? 8 : 4;
    for (const { frame, high, pagesOfEntry } of comparison.sources) {
      context.sources.note(frame, 0, high, pagesOfEntry, entryBytes);
    }
    const { change } = comparison;
    if (change === 'all') caches.flush();
    else if (change === 'lower') caches.dropLowerHalf();
    else for (const { first, count } of change) caches.dropRange(first, count);
  }

  private comparison(paging: Paging, old: number, next: number): Comparison {
    const place = placeOf(old, next);
    const known = this.remembered[place];
    if (known !== undefined && this.isGood(known, paging, old, next)) return known;
    this.compared = [];
    this.sources = [];
    const from = this.enter(old);
    const to = this.enter(next);
    const change =
      paging === 'two levels'
        ? this.compareDirectories(from, to)
        : this.compareRoots(from, to, paging === 'five levels');
    const { compared, sources } = this;
    const found = { paging, compared, change, sources };
    this.remembered[place] = this.mayRemember(compared) ? found : undefined;
    return found;
  }

  /** Whether a comparison is of these spaces, and would come to the same now. */
  private isGood(
    { paging, compared }: Comparison,
    nowPaging: Paging,
    old: number,
    next: number,
  ): boolean {
    if (paging !== nowPaging || compared[0]?.page !== old || compared[1]?.page !== next)
      return false;
    for (const { page, frame, content } of compared) {
      if (this.readableFrame(page) !== frame) return false;
      if (this.context.memory.contentOf(frame) !== content) return false;
    }
    return true;
  }

  /** Content ids tell every change only of frames that are kept out of the write TLBs. */
  private mayRemember(compared: readonly Compared[]): boolean {
    const { memory } = this.context;
    return (
      compared.length <= comparedMax &&
      compared.every(({ frame }) => frame >= 0 && memory.flagsOf(frame) !== 0)
    );
  }

  /** Frame of a structure, -1 where there is none or it may not be read. */
  private readableFrame(page: number): number {
    const entry = this.context.memory.entryOf(page);
    return (rightsOfEntry(entry) & rightRead) === 0 ? -1 : frameOfEntry(entry);
  }

  /** Notes a structure as compared; its offset in the space, -1 where it cannot be read. */
  private enter(page: number): number {
    const { memory } = this.context;
    const frame = this.readableFrame(page);
    this.compared.push({ page, frame, content: frame < 0 ? 0 : memory.contentOf(frame) });
    return frame < 0 ? -1 : memory.frameOffset(frame);
  }

  /** Notes a structure, by its number among those that were compared, as a source of what stays. */
  private keep(compared: number, high: number, pagesOfEntry: number): void {
    const frame = this.compared[compared]?.frame ?? -1;
    this.sources.push({ frame, high, pagesOfEntry });
  }

  /** Compares PML4 or PML5 tables. */
  private compareRoots(from: number, to: number, isFiveLevels: boolean): Change {
    if (!this.keepsUpperHalf(from, to)) return 'all';
    const { pagesOfEntry, upperHigh } = isFiveLevels ? fiveLevels : fourLevels;
    this.keep(1, upperHigh, pagesOfEntry);
    const changed = isFiveLevels ? 'all' : this.lowerHalf(from, to);
    if (changed === 'all') return 'lower';
    this.keep(1, 0, pagesOfEntry);
    return changed;
  }

  private keepsUpperHalf(from: number, to: number): boolean {
    const { view } = this.context;
    for (let at = half * 8; at < 4096; at += 8) {
      if (isUsed(view.getInt32(from + at, true)) && !this.isSame(from + at, to + at)) return false;
    }
    return true;
  }

  /** Compares 8-byte entries of two tables. */
  private isSame(from: number, to: number): boolean {
    const { view } = this.context;
    return (
      view.getInt32(from, true) === view.getInt32(to, true) &&
      view.getInt32(from + 4, true) === view.getInt32(to + 4, true)
    );
  }

  /** What differs for addresses whose top bit is 0; `all` where nothing is the same. */
  private lowerHalf(from: number, to: number): readonly Range[] | 'all' {
    const { view } = this.context;
    const ranges: Range[] = [];
    let keepsAny = false;
    for (let index = 0; index < half; index++) {
      const at = index * 8;
      if (!isUsed(view.getInt32(from + at, true))) continue;
      const first = index * fourLevels.pagesOfEntry;
      const inner = this.isSame(from + at, to + at)
        ? []
        : this.pointersBelow(from + at, to + at, first);
      keepsAny ||= inner !== 'all';
      if (inner === 'all') ranges.push({ first, count: fourLevels.pagesOfEntry });
      else ranges.push(...inner);
    }
    return keepsAny ? ranges : 'all';
  }

  /** What differs below two PML4Es. Those that lead to tables with the same rights may have entries in common. */
  private pointersBelow(from: number, to: number, first: number): readonly Range[] | 'all' {
    const { view } = this.context;
    const [low, high] = [view.getInt32(from, true), view.getInt32(from + 4, true)];
    const [nextLow, nextHigh] = [view.getInt32(to, true), view.getInt32(to + 4, true)];
    const differs = ((low ^ nextLow) & ~addressLow) | ((high ^ nextHigh) & ~addressHigh);
    if (differs !== 0) return 'all';
    const fromTable = this.enter(structurePage(low, high));
    const toTable = this.enter(structurePage(nextLow, nextHigh));
    const entered = this.compared.length - 1;
    if (fromTable < 0 || toTable < 0) return 'all';
    const ranges: Range[] = [];
    let keepsAny = false;
    for (let index = 0; index < 512; index++) {
      const at = index * 8;
      if (!isUsed(view.getInt32(fromTable + at, true))) continue;
      if (this.isSame(fromTable + at, toTable + at)) keepsAny = true;
      else ranges.push({ first: first + index * pagesOfPointer, count: pagesOfPointer });
    }
    if (!keepsAny || ranges.length > dropsMax) return 'all';
    this.keep(entered, first / 0x100000, pagesOfPointer);
    return ranges;
  }

  /** 32-bit paging has one directory for all addresses. */
  private compareDirectories(from: number, to: number): Change {
    const { view } = this.context;
    const ranges: Range[] = [];
    let keepsAny = false;
    for (let at = 0; at < 4096; at += 4) {
      const entry = view.getInt32(from + at, true);
      if (!isUsed(entry)) continue;
      const first = (at / 4) * pagesOfDirectoryEntry;
      if (entry === view.getInt32(to + at, true)) keepsAny = true;
      else ranges.push({ first, count: pagesOfDirectoryEntry });
    }
    if (!keepsAny || ranges.length > dropsMax) return 'all';
    this.keep(1, 0, pagesOfDirectoryEntry);
    return ranges;
  }
}

/** Tables often lie at regular distances: the upper bits of products are mixed best. */
function placeOf(old: number, next: number): number {
  const mixed = Math.imul(old, 0x9e3779b1) ^ Math.imul(next, 0x85ebca6b);
  return mixed >>> (32 - rememberedBits);
}

/** An entry that was never used for a translation, for want of the accessed bit, may differ. */
function isUsed(low: number): boolean {
  return (low & presentAndAccessed) === presentAndAccessed;
}
