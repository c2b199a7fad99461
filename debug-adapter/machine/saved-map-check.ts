/** Whether the map of a saved memory can be one: what a file says of frames is not believed before. */
import { physicalPageCount } from './addresses';
import {
  chunkPages,
  entryMapped,
  frameOfEntry,
  rightsAll,
  type GuestMemorySavedState,
} from './guest-memory';

const chunkCount = physicalPageCount / chunkPages;
const entryBytes = 4;
const knownBits = entryMapped | rightsAll;

/**
 * Looks for what no memory can have saved: every frame that is named was handed out, and has one place only, in the
 * map, below an overlay or among the free ones; else a guest would see a page twice, or what is not its own.
 * @param frames frames that were handed out
 * @returns what is wrong, in words that follow "the memory map"; undefined where nothing is
 */
export function findMapDamage(
  { chunks, overlays, freeFrames }: Omit<GuestMemorySavedState, 'frames'>,
  frames: number,
): string | undefined {
  const places = new FramePlaces(frames);
  const byIndex = new Map<number, DataView>();
  for (const { index, entries } of chunks) {
    const isPart = isIndex(index, chunkCount) && entries.length === chunkPages * entryBytes;
    if (!isPart || byIndex.has(index)) return 'has a part that has no place';
    const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    byIndex.set(index, view);
    for (let at = 0; at < entries.length; at += entryBytes) {
      if (!places.takeEntry(view.getInt32(at, true))) return badEntry;
    }
  }
  const overlaid = new Set<number>();
  for (const { gpaPage, underlying } of overlays) {
    if (!isIndex(gpaPage, physicalPageCount) || overlaid.has(gpaPage)) return badOverlay;
    overlaid.add(gpaPage);
    const chunk = byIndex.get(Math.floor(gpaPage / chunkPages));
    const entry = chunk?.getInt32((gpaPage % chunkPages) * entryBytes, true) ?? 0;
    if (frameOfEntry(entry) < 0) return badOverlay;
    if (underlying !== (underlying | 0) || !places.takeEntry(underlying)) return badEntry;
  }
  return freeFrames.every((frame) => places.take(frame)) ? undefined : badFree;
}

const badEntry = 'has an entry for a page that is not there, or is elsewhere';
const badOverlay = 'has an overlay page without a place';
const badFree = 'has a free page that is not there, or is in use';

const isIndex = (value: number, limit: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < limit;

/** Frames that have a place. */
class FramePlaces {
  private readonly taken: Uint8Array;

  constructor(private readonly frames: number) {
    this.taken = new Uint8Array(frames);
  }

  /** @returns false where there is no such frame, or it has a place already */
  take(frame: number): boolean {
    if (!isIndex(frame, this.frames) || this.taken[frame] !== 0) return false;
    this.taken[frame] = 1;
    return true;
  }

  /** An entry of a page that is not mapped is 0; the frame of a page that was never touched comes later. */
  takeEntry(entry: number): boolean {
    if (entry === 0) return true;
    if ((entry & entryMapped) === 0 || (entry & 0xff & ~knownBits) !== 0) return false;
    const frame = frameOfEntry(entry);
    return frame < 0 || this.take(frame);
  }
}
