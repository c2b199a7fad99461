/** Guest RAM: frames allocated on first touch, and the second-level map from guest pages to them. */
import { assert, present } from '../support/assert';
import { isAllZero } from '../support/equal-bytes';
import { pageOf, pageOffsetOf, pageSizeBytes, type GuestPhysicalAddress } from './addresses';

/** Access rights of the second-level map, EPT bit order (SDM vol. 3, 29.3.2). */
export const rightRead = 1;
export const rightWrite = 2;
export const rightExecute = 4;
export const rightsAll = rightRead | rightWrite | rightExecute;

/** A map entry is `(frame + 1) << 8 | entryMapped | rights`; frame 0 in the upper bits means "not touched yet". */
export const entryMapped = 8;
const entryFrameShift = 8;

/** Frame properties that make a write to the frame take the slow path. */
export const frameHoldsCode = 1;
export const frameFeedsTranslation = 2;

/** Told before a write reaches a frame from which something was derived. */
export interface FrameWriteObserver {
  /** Decoded or translated code of the frame is about to become stale; its content id is still the old one. */
  codeWillChange(frame: number): void;
  /** Bytes of a paging structure that fed a live translation are about to change. */
  translationWillChange(frame: number, from: number, bytes: number): void;
  /** A frame became the source of something derived: forget cached write addresses, of it or of all. */
  writeAccessDidEnd(frame?: number): void;
  /** The second-level map changed: forget all cached addresses. */
  mapDidChange(): void;
}

/** Guest pages of one part of the map. */
export const chunkPages = 512;
const chunkShift = 9;
/** Parts of the map that are found without a look-up: those of the first 8 GiB. */
const nearChunks = 4096;
const nearPages = nearChunks * chunkPages;

/** Rights that a map entry gives; 0 where nothing is mapped. */
export function rightsOfEntry(entry: number): number {
  return entry & rightsAll;
}

/** Frame behind a map entry, -1 where it was never touched or nothing is mapped. */
export function frameOfEntry(entry: number): number {
  return (entry >>> entryFrameShift) - 1;
}

/** What an overlay hides: the map entry that comes back when it goes. */
export interface Overlay {
  readonly underlying: number;
}

/** Guest pages and frames side by side. */
interface FrameRow {
  readonly gpaPage: number;
  readonly frame: number;
  readonly pages: number;
}

const noRows: readonly FrameRow[] = [];

/** The second-level map and the state of frame allocation at one moment; nobody changes it. */
export interface MapSnapshot {
  readonly chunks: ReadonlyMap<number, Int32Array>;
  readonly overlays: ReadonlyMap<number, Overlay>;
  readonly freeFrames: readonly number[];
  readonly framesInUse: number;
}

/** Contents of a partition's memory: version 1. */
export interface GuestMemorySavedState {
  /** The second-level map by chunk index, ascending; entries as little-endian 32-bit integers. */
  readonly chunks: readonly { readonly index: number; readonly entries: Uint8Array }[];
  readonly overlays: readonly { readonly gpaPage: number; readonly underlying: number }[];
  readonly freeFrames: readonly number[];
  /** The bytes of every frame ever handed out, in frame order. */
  readonly frames: Uint8Array;
}

/**
 * The memory of one partition. Frames live in the partition's code space from `frameBase` on, so that
 * generated code reaches them by offset; the map decides which guest page shows which frame.
 */
export class GuestMemory {
  private chunks = new Map<number, Int32Array>();
  /** The parts of `chunks` with the lowest numbers, by number. */
  private readonly near: (Int32Array | undefined)[] = new Array<undefined>(nearChunks);
  /** Chunks that no snapshot shares; the others are copied before they change. */
  private readonly ownChunks = new Set<number>();
  private overlays = new Map<number, Overlay>();
  private readonly frameFlags: Uint8Array;
  private readonly frameContent: Float64Array;
  private readonly observers: FrameWriteObserver[] = [];
  private readonly translationFrames = new Set<number>();
  private framesUsed = 0;
  /** Frames below `framesUsed` that nothing shows any more, handed out again last in, first out. */
  private freeFrames: number[] = [];
  private nextContent = 1;

  constructor(
    private readonly bytes: Uint8Array,
    readonly frameBase: number,
    readonly frameCount: number,
  ) {
    assert(frameBase % pageSizeBytes === 0, 'frames start on a page boundary');
    assert(frameBase + frameCount * pageSizeBytes <= bytes.length, 'frames fit into the space');
    this.frameFlags = new Uint8Array(frameCount);
    this.frameContent = new Float64Array(frameCount);
  }

  /** Frames handed out so far. */
  get framesInUse(): number {
    return this.framesUsed;
  }

  observe(observer: FrameWriteObserver): void {
    this.observers.push(observer);
  }

  /** Makes `pageCount` guest pages from `gpaPage` on RAM with `rights`; frames come on first touch. */
  mapRam(gpaPage: number, pageCount: number, rights = rightsAll): void {
    const end = gpaPage + pageCount;
    let isChange = false;
    for (let page = gpaPage; page < end;) {
      const index = Math.floor(page / chunkPages);
      const next = Math.min(end, (index + 1) * chunkPages);
      if (this.overlays.size === 0 && !this.chunks.has(index)) {
        const start = index * chunkPages;
        this.ownChunk(index).fill(entryMapped | rights, page - start, next - start);
      } else if (this.mapPresent(page, next, rights)) isChange = true;
      page = next;
    }
    // Nobody remembers anything of pages that were not there.
    if (isChange) this.notifyMapChange();
  }

  /** The same page by page. @returns whether any was there */
  private mapPresent(gpaPage: number, end: number, rights: number): boolean {
    let isChange = false;
    for (let page = gpaPage; page < end; page++) {
      const before = this.entryUnderOverlay(page);
      isChange ||= before !== 0;
      this.setEntryUnderOverlay(page, (before & ~0xff) | entryMapped | rights);
    }
    return isChange;
  }

  /** Power-on: nothing is mapped, and no frame is in use. */
  clear(): void {
    for (let frame = 0; frame < this.framesUsed; frame++) this.markWritten(frame);
    this.bytes.fill(0, this.frameBase, this.frameOffset(this.framesUsed));
    this.setChunks(new Map());
    this.overlays.clear();
    this.framesUsed = 0;
    this.freeFrames = [];
    this.notifyMapChange();
  }

  /** Takes guest pages out of the map. Their frames keep their content until the partition ends. */
  unmap(gpaPage: number, pageCount: number): void {
    for (let page = gpaPage; page < gpaPage + pageCount; page++) this.setEntryUnderOverlay(page, 0);
    this.notifyMapChange();
  }

  /** Lays a page owned by the hypervisor over a guest page; what was there returns on {@link removeOverlay}. */
  placeOverlay(gpaPage: number, contents: Uint8Array, rights: number): boolean {
    assert(contents.length === pageSizeBytes, 'an overlay is one page');
    this.removeOverlay(gpaPage);
    const frame = this.allocateFrame();
    if (frame < 0) return false;
    const under = this.entryOf(gpaPage);
    this.markWritten(frame);
    this.bytes.set(contents, this.frameOffset(frame));
    this.overlays.set(gpaPage, { underlying: under });
    this.setEntry(gpaPage, ((frame + 1) << entryFrameShift) | entryMapped | rights);
    this.notifyMapChange();
    return true;
  }

  removeOverlay(gpaPage: number): void {
    const overlay = this.overlays.get(gpaPage);
    if (overlay === undefined) return;
    this.overlays.delete(gpaPage);
    this.releaseFrame((this.entryOf(gpaPage) >>> entryFrameShift) - 1);
    this.setEntry(gpaPage, overlay.underlying);
    this.notifyMapChange();
  }

  /** True where the hypervisor has laid a page over the guest's. */
  isOverlay(gpaPage: number): boolean {
    return this.overlays.has(gpaPage);
  }

  /** The raw map entry of a guest page, 0 where nothing is mapped. */
  entryOf(gpaPage: number): number {
    const chunk =
      gpaPage < nearPages
        ? this.near[gpaPage >>> chunkShift]
        : this.chunks.get(Math.floor(gpaPage / chunkPages));
    return chunk === undefined ? 0 : (chunk[gpaPage % chunkPages] ?? 0);
  }

  /** Rights of a guest page; 0 where nothing is mapped. */
  rightsOf(gpaPage: number): number {
    return rightsOfEntry(this.entryOf(gpaPage));
  }

  /** True where a guest page is RAM or an overlay, with rights or without. */
  isMapped(gpaPage: number): boolean {
    return (this.entryOf(gpaPage) & entryMapped) !== 0;
  }

  /** Frame behind a guest page, -1 where it was never touched or nothing is mapped. */
  frameOf(gpaPage: number): number {
    return frameOfEntry(this.entryOf(gpaPage));
  }

  /**
   * Frame behind a mapped guest page, allocated if this is the first touch.
   * @returns the frame index, -1 where nothing is mapped, -2 where frames are exhausted
   */
  touchFrame(gpaPage: number): number {
    const entry = this.entryOf(gpaPage);
    if ((entry & entryMapped) === 0) return -1;
    const known = (entry >>> entryFrameShift) - 1;
    if (known >= 0) return known;
    const frame = this.allocateFrame();
    if (frame < 0) return -2;
    this.setEntry(gpaPage, ((frame + 1) << entryFrameShift) | (entry & 0xff));
    return frame;
  }

  /** Offset of a frame's first byte in the code space. */
  frameOffset(frame: number): number {
    return this.frameBase + frame * pageSizeBytes;
  }

  /** The bytes of a frame, to be read. */
  frameBytes(frame: number): Uint8Array {
    return this.bytes.subarray(this.frameOffset(frame), this.frameOffset(frame + 1));
  }

  flagsOf(frame: number): number {
    return present(this.frameFlags[frame], 'frame flags');
  }

  /** Marks a frame as source of something derived; cached write addresses of it are dropped. */
  addFlag(frame: number, flag: number): void {
    const before = this.flagsOf(frame);
    if ((before & flag) !== 0) return;
    this.frameFlags[frame] = before | flag;
    if (flag === frameFeedsTranslation) this.translationFrames.add(frame);
    if (before !== 0) return;
    for (const observer of this.observers) observer.writeAccessDidEnd(frame);
  }

  clearFlag(frame: number, flag: number): void {
    this.frameFlags[frame] = this.flagsOf(frame) & ~flag;
  }

  /** Forgets which frames feed translations: nothing translated is left. */
  clearTranslationFlags(): void {
    for (const frame of this.translationFrames) this.clearFlag(frame, frameFeedsTranslation);
    this.translationFrames.clear();
  }

  /** Content id of a frame: equal ids mean equal bytes, as long as no write address of it is cached. */
  contentOf(frame: number): number {
    return present(this.frameContent[frame], 'frame content');
  }

  /**
   * Forgets cached write addresses: from here on every write changes the content id of its frame, so that equal ids
   * mean equal bytes. Guests cannot tell.
   */
  endWriteAccess(): void {
    for (const observer of this.observers) observer.writeAccessDidEnd();
  }

  /** The second-level map as it is, shared with this memory until either would change. */
  captureMap(): MapSnapshot {
    this.ownChunks.clear();
    return {
      chunks: new Map(this.chunks),
      overlays: new Map(this.overlays),
      freeFrames: [...this.freeFrames],
      framesInUse: this.framesUsed,
    };
  }

  /** Puts a captured map back; the frames have been put back before. Everything derived is dropped. */
  restoreMap(map: MapSnapshot): void {
    this.setChunks(new Map(map.chunks));
    this.overlays = new Map(map.overlays);
    this.freeFrames = [...map.freeFrames];
    this.framesUsed = map.framesInUse;
    this.clearTranslationFlags();
    this.notifyMapChange();
  }

  /** Puts an earlier content of a frame back, with its id; no bytes for zeros. The map must be restored next. */
  restoreFrame(frame: number, content: number, bytes: Uint8Array | undefined): void {
    if ((this.flagsOf(frame) & frameHoldsCode) !== 0) {
      for (const observer of this.observers) observer.codeWillChange(frame);
    }
    const at = this.frameOffset(frame);
    if (bytes === undefined) this.bytes.fill(0, at, at + pageSizeBytes);
    else this.bytes.set(bytes, at);
    this.frameContent[frame] = content;
  }

  /** Gives a frame the id of an earlier content that its bytes equal, after {@link endWriteAccess}. */
  adoptContent(frame: number, content: number): void {
    this.frameContent[frame] = content;
  }

  /** Content ids of all frames by frame number, to be read: what {@link contentOf} tells of one. */
  get contents(): Float64Array {
    return this.frameContent;
  }

  /**
   * Must be called before every write to a frame, by whoever writes: processor, device, debugger.
   * @param from offset in the frame of the bytes that will be written
   */
  markWritten(frame: number, from = 0, bytes = pageSizeBytes): void {
    const flags = this.flagsOf(frame);
    if ((flags & frameHoldsCode) !== 0) {
      for (const observer of this.observers) observer.codeWillChange(frame);
    }
    this.frameContent[frame] = this.nextContent++;
    if ((flags & frameFeedsTranslation) !== 0) {
      for (const observer of this.observers) {
        observer.translationWillChange(frame, from, bytes);
      }
    }
  }

  /** As {@link markWritten}, for the accessed and dirty bits that a page walk sets: the translation stays good. */
  markWalked(frame: number): void {
    if ((this.flagsOf(frame) & frameHoldsCode) !== 0) {
      for (const observer of this.observers) observer.codeWillChange(frame);
    }
    this.frameContent[frame] = this.nextContent++;
  }

  /** Bytes at a guest-physical address, without side effects; undefined where a page is not mapped. */
  read(gpa: GuestPhysicalAddress, length: number): Uint8Array | undefined {
    const result = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const count = Math.min(length - done, pageSizeBytes - pageOffsetOf(gpa + done));
      const entry = this.entryOf(pageOf(gpa + done));
      if ((entry & entryMapped) === 0) return undefined;
      const frame = (entry >>> entryFrameShift) - 1;
      if (frame >= 0) {
        const from = this.frameOffset(frame) + pageOffsetOf(gpa + done);
        result.set(this.bytes.subarray(from, from + count), done);
      }
      done += count;
    }
    return result;
  }

  /**
   * Writes bytes at a guest-physical address, whatever the rights: for loaders, the hypervisor and the debugger.
   * @returns false, with nothing written, where a page is not mapped or frames are exhausted
   */
  write(gpa: GuestPhysicalAddress, data: Uint8Array): boolean {
    if (data.length === 0) return true;
    const rows = this.handOut(pageOf(gpa), pageOf(gpa + data.length - 1) + 1);
    if (rows === undefined) return false;
    let done = 0;
    for (const { gpaPage, frame, pages } of rows) {
      const from = Math.max(0, gpaPage * pageSizeBytes - gpa);
      const end = Math.min(data.length, (gpaPage + pages) * pageSizeBytes - gpa);
      this.overwrite(gpa + done, data.subarray(done, from));
      this.fill(this.frameOffset(frame) + pageOffsetOf(gpa + from), data.subarray(from, end));
      done = end;
    }
    this.overwrite(gpa + done, done === 0 ? data : data.subarray(done));
    return true;
  }

  /**
   * Gives guest pages that have none their frames: whole images take no look-up for each.
   * @returns the frames that nothing has used before; undefined where a page is not mapped or frames are exhausted
   */
  private handOut(gpaPage: number, endPage: number): readonly FrameRow[] | undefined {
    let rows: FrameRow[] | undefined;
    for (let page = gpaPage; page < endPage;) {
      if (this.frameOf(page) >= 0) {
        page++;
        continue;
      }
      const frame = this.framesUsed;
      const pages = this.freeFrames.length > 0 ? 0 : this.handOutRow(page, endPage);
      if (pages > 0) (rows ??= []).push({ gpaPage: page, frame, pages });
      else if (this.touchFrame(page) < 0) return undefined;
      page += Math.max(pages, 1);
    }
    return rows ?? noRows;
  }

  /**
   * The next frames in a row for guest pages that have none, within a part of the map.
   * @returns for how many pages
   */
  private handOutRow(gpaPage: number, endPage: number): number {
    if (!this.isMapped(gpaPage)) return 0;
    const chunk = this.ownChunk(Math.floor(gpaPage / chunkPages));
    const start = gpaPage % chunkPages;
    const end = Math.min(chunkPages, start + endPage - gpaPage);
    const { frameFlags, frameContent, frameCount } = this;
    let frame = this.framesUsed;
    let slot = start;
    for (; slot < end && frame < frameCount; slot++) {
      const entry = chunk[slot] ?? 0;
      const isUntouched = (entry & entryMapped) !== 0 && entry >>> entryFrameShift === 0;
      // Flags are of an earlier use: whoever set them hears of the write, as of one to any other frame.
      if (!isUntouched || frameFlags[frame] !== 0) break;
      frameContent[frame++] = this.nextContent++;
      chunk[slot] = (frame << entryFrameShift) | entry;
    }
    this.framesUsed = frame;
    return slot - start;
  }

  /** Writes into pages that have had their frames. */
  private overwrite(gpa: GuestPhysicalAddress, data: Uint8Array): void {
    for (let done = 0; done < data.length;) {
      const offset = pageOffsetOf(gpa + done);
      const frame = this.frameOf(pageOf(gpa + done));
      const part = data.subarray(done, done + pageSizeBytes - offset);
      this.markWritten(frame, offset, part.length);
      this.bytes.set(part, this.frameOffset(frame) + offset);
      done += part.length;
    }
  }

  /**
   * Writes into frames in a row that nothing has used before. They are zero; of a kernel nearly half is, and pages of
   * zeros cost the host no memory.
   */
  private fill(to: number, data: Uint8Array): void {
    let dealtWith = 0;
    for (let at = 0; at < data.length;) {
      const next = Math.min(data.length, at + pageSizeBytes - ((to + at) % pageSizeBytes));
      if (isAllZero(data, at, next)) {
        if (dealtWith < at) this.bytes.set(data.subarray(dealtWith, at), to + dealtWith);
        dealtWith = next;
      }
      at = next;
    }
    if (dealtWith < data.length) this.bytes.set(data.subarray(dealtWith), to + dealtWith);
  }

  /** Every guest page that has a frame or an overlay, ascending: [guest page, frame, rights]. */
  *touchedPages(): Generator<readonly [number, number, number]> {
    const chunkIndexes = [...this.chunks.keys()].sort((a, b) => a - b);
    for (const index of chunkIndexes) {
      const chunk = present(this.chunks.get(index), 'map chunk');
      for (let slot = 0; slot < chunkPages; slot++) {
        const entry = present(chunk[slot], 'map entry');
        const frame = (entry >>> entryFrameShift) - 1;
        if (frame >= 0) yield [index * chunkPages + slot, frame, entry & rightsAll];
      }
    }
  }

  save(): GuestMemorySavedState {
    const frames = this.bytes.slice(this.frameBase, this.frameOffset(this.framesUsed));
    return { ...this.saveMap(), frames };
  }

  /** What {@link save} saves, without the bytes of the frames. */
  saveMap(): Omit<GuestMemorySavedState, 'frames'> {
    const indexes = [...this.chunks.keys()].sort((a, b) => a - b);
    return {
      chunks: indexes.map((index) => ({ index, entries: this.encodeChunk(index) })),
      overlays: [...this.overlays]
        .map(([gpaPage, { underlying }]) => ({ gpaPage, underlying }))
        .sort((a, b) => a.gpaPage - b.gpaPage),
      freeFrames: [...this.freeFrames],
    };
  }

  /**
   * Makes the memory what it was when `saved` was taken; everything derived from it is dropped.
   * @returns false, with nothing changed, where the state does not fit this memory
   */
  restore(saved: GuestMemorySavedState): boolean {
    const frames = saved.frames.length / pageSizeBytes;
    const chunkBytes = chunkPages * 4;
    if (!Number.isInteger(frames) || frames > this.frameCount) return false;
    if (saved.chunks.some((chunk) => chunk.entries.length !== chunkBytes)) return false;
    if (saved.freeFrames.some((frame) => frame < 0 || frame >= frames)) return false;
    for (let frame = 0; frame < this.framesUsed; frame++) this.markWritten(frame);
    this.setChunks(new Map(saved.chunks.map((row) => [row.index, decodeEntries(row.entries)])));
    this.overlays.clear();
    for (const { gpaPage, underlying } of saved.overlays) {
      this.overlays.set(gpaPage, { underlying });
    }
    this.bytes.fill(0, this.frameBase, this.frameOffset(this.framesUsed));
    this.bytes.set(saved.frames, this.frameBase);
    this.framesUsed = frames;
    this.freeFrames = [...saved.freeFrames];
    for (let frame = 0; frame < frames; frame++) this.frameContent[frame] = this.nextContent++;
    this.notifyMapChange();
    return true;
  }

  private encodeChunk(index: number): Uint8Array {
    const chunk = present(this.chunks.get(index), 'map chunk');
    const bytes = new Uint8Array(chunkPages * 4);
    const view = new DataView(bytes.buffer);
    for (let slot = 0; slot < chunkPages; slot++) {
      view.setInt32(slot * 4, present(chunk[slot], 'map entry'), true);
    }
    return bytes;
  }

  private releaseFrame(frame: number): void {
    this.markWritten(frame);
    this.bytes.fill(0, this.frameOffset(frame), this.frameOffset(frame + 1));
    this.freeFrames.push(frame);
  }

  private allocateFrame(): number {
    const reused = this.freeFrames.pop();
    if (reused !== undefined) return reused;
    if (this.framesUsed === this.frameCount) return -1;
    const frame = this.framesUsed++;
    this.frameContent[frame] = this.nextContent++;
    return frame;
  }

  private setEntry(gpaPage: number, entry: number): void {
    this.ownChunk(Math.floor(gpaPage / chunkPages))[gpaPage % chunkPages] = entry;
  }

  /** A part of the map that may be changed: made if there is none, copied where a snapshot shares it. */
  private ownChunk(index: number): Int32Array {
    const known = this.chunks.get(index);
    if (known !== undefined && this.ownChunks.has(index)) return known;
    const chunk = known === undefined ? new Int32Array(chunkPages) : known.slice();
    this.chunks.set(index, chunk);
    if (index < nearChunks) this.near[index] = chunk;
    this.ownChunks.add(index);
    return chunk;
  }

  private entryUnderOverlay(gpaPage: number): number {
    return this.overlays.get(gpaPage)?.underlying ?? this.entryOf(gpaPage);
  }

  /** An overlay hides what the map says of its page, and keeps it (TLFS 5.2.1). */
  private setEntryUnderOverlay(gpaPage: number, entry: number): void {
    if (this.overlays.has(gpaPage)) this.overlays.set(gpaPage, { underlying: entry });
    else this.setEntry(gpaPage, entry);
  }

  private setChunks(chunks: Map<number, Int32Array>): void {
    this.chunks = chunks;
    this.ownChunks.clear();
    for (let index = 0; index < nearChunks; index++) this.near[index] = chunks.get(index);
  }

  private notifyMapChange(): void {
    for (const observer of this.observers) observer.mapDidChange();
  }
}

function decodeEntries(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: chunkPages }, (_, slot) => view.getInt32(slot * 4, true));
}
