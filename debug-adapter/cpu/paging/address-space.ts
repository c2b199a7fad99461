/**
 * What a new CR3 leaves of the TLBs. They are invisible (decision 3), so nothing has to go that the new structures
 * would give again: an operating system's part is the same in every address space.
 */
import { Cr4 } from '../../spec/x86/control-registers';
import {
  frameOfEntry,
  rightRead,
  rightsOfEntry,
  type GuestMemory,
} from '../../machine/guest-memory';
import { physicalAddressBits } from '../../spec/x86/address-widths';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { structurePage } from './page-walk';
import type { TranslationCaches } from './translation-caches';

const cr0Paging = 1 << 31;
const presentAndAccessed = 0x21;
const physicalPage = 0xffffffffffn;
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

/** Pages whose translation may differ, as `linearPage` numbers them. */
interface Range {
  readonly first: number;
  readonly count: number;
}

/** Drops what does not hold any longer, after CR3 has changed from `before`. */
export function addressSpaceChanged(
  context: ProcessorContext,
  caches: TranslationCaches,
  before: bigint,
): void {
  const { state, memory, sources } = context;
  const isPaging = (state.readU32(vmcsOffsets.cr0) & cr0Paging) !== 0;
  const cr4 = state.readU32(vmcsOffsets.cr4);
  if (!isPaging || (!context.isLongMode && (cr4 & Cr4.PAE) !== 0)) return caches.flush();
  const old = tableFrame(memory, before);
  const next = tableFrame(memory, state.readU64(vmcsOffsets.cr3));
  if (old < 0 || next < 0) return caches.flush();
  if (old === next) return;
  if (!context.isLongMode) return directoryChanged(context, caches, old, next);
  if (!keepsUpperHalf(context, old, next)) return caches.flush();
  const { pagesOfEntry, upperHigh } = (cr4 & Cr4.LA57) !== 0 ? fiveLevels : fourLevels;
  sources.note(next, 0, upperHigh, pagesOfEntry, 8);
  const changed = pagesOfEntry === fourLevels.pagesOfEntry ? lowerHalf(context, old, next) : 'all';
  if (changed === 'all') return caches.dropLowerHalf();
  sources.note(next, 0, 0, pagesOfEntry, 8);
  for (const { first, count } of changed) caches.dropRange(first, count);
}

function tableFrame(memory: GuestMemory, cr3: bigint): number {
  return readableFrame(memory, Number((cr3 >> 12n) & physicalPage));
}

/** Frame of a structure, -1 where there is none or it may not be read. */
function readableFrame(memory: GuestMemory, page: number): number {
  const entry = memory.entryOf(page);
  return (rightsOfEntry(entry) & rightRead) === 0 ? -1 : frameOfEntry(entry);
}

/** An entry that was never used for a translation, for want of the accessed bit, may differ. */
function isUsed(low: number): boolean {
  return (low & presentAndAccessed) === presentAndAccessed;
}

/** Compares 8-byte entries of two tables. */
function isSame({ view }: ProcessorContext, from: number, to: number): boolean {
  return (
    view.getInt32(from, true) === view.getInt32(to, true) &&
    view.getInt32(from + 4, true) === view.getInt32(to + 4, true)
  );
}

function keepsUpperHalf(context: ProcessorContext, old: number, next: number): boolean {
  const { view, memory } = context;
  const from = memory.frameOffset(old);
  const to = memory.frameOffset(next);
  for (let at = half * 8; at < 4096; at += 8) {
    if (isUsed(view.getInt32(from + at, true)) && !isSame(context, from + at, to + at)) {
      return false;
    }
  }
  return true;
}

/** What differs for addresses whose top bit is 0; `all` where nothing is the same. */
function lowerHalf(context: ProcessorContext, old: number, next: number): readonly Range[] | 'all' {
  const { view, memory } = context;
  const from = memory.frameOffset(old);
  const to = memory.frameOffset(next);
  const ranges: Range[] = [];
  let keepsAny = false;
  for (let index = 0; index < half; index++) {
    const at = index * 8;
    if (!isUsed(view.getInt32(from + at, true))) continue;
    const first = index * fourLevels.pagesOfEntry;
    const inner = isSame(context, from + at, to + at)
      ? []
      : pointersBelow(context, from + at, to + at, first);
    keepsAny ||= inner !== 'all';
    if (inner === 'all') ranges.push({ first, count: fourLevels.pagesOfEntry });
    else ranges.push(...inner);
  }
  return keepsAny ? ranges : 'all';
}

/** What differs below two PML4Es. Those that lead to tables with the same rights may have entries in common. */
function pointersBelow(
  context: ProcessorContext,
  from: number,
  to: number,
  first: number,
): readonly Range[] | 'all' {
  const { view, memory, sources } = context;
  const [low, high] = [view.getInt32(from, true), view.getInt32(from + 4, true)];
  const [nextLow, nextHigh] = [view.getInt32(to, true), view.getInt32(to + 4, true)];
  const differs = ((low ^ nextLow) & ~addressLow) | ((high ^ nextHigh) & ~addressHigh);
  const old = readableFrame(memory, structurePage(low, high));
  const next = readableFrame(memory, structurePage(nextLow, nextHigh));
  if (differs !== 0 || old < 0 || next < 0) return 'all';
  const [fromTable, toTable] = [memory.frameOffset(old), memory.frameOffset(next)];
  const ranges: Range[] = [];
  let keepsAny = false;
  for (let index = 0; index < 512; index++) {
    const at = index * 8;
    if (!isUsed(view.getInt32(fromTable + at, true))) continue;
    if (isSame(context, fromTable + at, toTable + at)) keepsAny = true;
    else ranges.push({ first: first + index * pagesOfPointer, count: pagesOfPointer });
  }
  if (!keepsAny || ranges.length > dropsMax) return 'all';
  sources.note(next, 0, first / 0x100000, pagesOfPointer, 8);
  return ranges;
}

/** 32-bit paging has one directory for all addresses. */
function directoryChanged(
  context: ProcessorContext,
  caches: TranslationCaches,
  old: number,
  next: number,
): void {
  const { view, memory, sources } = context;
  const from = memory.frameOffset(old);
  const to = memory.frameOffset(next);
  const ranges: Range[] = [];
  let keepsAny = false;
  for (let at = 0; at < 4096; at += 4) {
    const entry = view.getInt32(from + at, true);
    if (!isUsed(entry)) continue;
    const first = (at / 4) * pagesOfDirectoryEntry;
    if (entry === view.getInt32(to + at, true)) keepsAny = true;
    else ranges.push({ first, count: pagesOfDirectoryEntry });
  }
  if (!keepsAny || ranges.length > dropsMax) return caches.flush();
  sources.note(next, 0, 0, pagesOfDirectoryEntry, 4);
  for (const { first, count } of ranges) caches.dropRange(first, count);
}
