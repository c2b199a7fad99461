/**
 * What a new CR3 leaves of the TLBs. They are invisible (decision 3), so nothing has to go that the new structures
 * would give again: an operating system's half is the same in every address space.
 */
import { Cr4 } from '../../spec/x86/control-registers';
import type { GuestMemory } from '../../machine/guest-memory';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import type { TranslationCaches } from './translation-caches';

const cr0Paging = 1 << 31;
const presentAndAccessed = 0x21;
const physicalPage = 0xffffffffffn;
/** Of the 512 entries of a PML4 or PML5 table, the second half translates addresses whose top bit is 1. */
const upperHalfAt = 2048;
/** Of either: what an entry stands for, and the upper half of the first address whose top bit is 1. */
const fourLevels = { pagesOfEntry: 512 ** 3, upperHigh: ~0x7fff } as const;
const fiveLevels = { pagesOfEntry: 512 ** 4, upperHigh: ~0xffffff } as const;

/** Drops what does not hold any longer, after CR3 has changed from `before`. */
export function addressSpaceChanged(
  context: ProcessorContext,
  caches: TranslationCaches,
  before: bigint,
): void {
  const { state, memory, sources } = context;
  const isPaging = (state.readU32(vmcsOffsets.cr0) & cr0Paging) !== 0;
  const hasFiveLevels = (state.readU32(vmcsOffsets.cr4) & Cr4.LA57) !== 0;
  if (!isPaging || !context.isLongMode) return caches.flush();
  const old = tableFrame(memory, before);
  const next = tableFrame(memory, state.readU64(vmcsOffsets.cr3));
  if (old < 0 || next < 0) return caches.flush();
  if (old === next) return;
  if (!keepsUpperHalf(context, old, next)) return caches.flush();
  caches.dropLowerHalf();
  const { pagesOfEntry, upperHigh } = hasFiveLevels ? fiveLevels : fourLevels;
  sources.note(next, 0, upperHigh, pagesOfEntry, 8);
}

function tableFrame(memory: GuestMemory, cr3: bigint): number {
  return memory.frameOf(Number((cr3 >> 12n) & physicalPage));
}

/** An entry that was never used for a translation, for want of the accessed bit, may differ. */
function keepsUpperHalf({ view, memory }: ProcessorContext, old: number, next: number): boolean {
  const from = memory.frameOffset(old);
  const to = memory.frameOffset(next);
  for (let at = upperHalfAt; at < 4096; at += 8) {
    const entry = view.getInt32(from + at, true);
    if ((entry & presentAndAccessed) !== presentAndAccessed) continue;
    const isSame =
      entry === view.getInt32(to + at, true) &&
      view.getInt32(from + at + 4, true) === view.getInt32(to + at + 4, true);
    if (!isSame) return false;
  }
  return true;
}
