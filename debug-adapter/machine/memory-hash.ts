/** Hash of a partition's memory as the guest could see it; what has not changed is not hashed again. */
import { present } from '../support/assert';
import { StateHash } from '../support/state-hash';
import { chunkPages, type GuestMemory } from './guest-memory';
import { isZeroPage } from './page-store';

const digestWords = 4;
/** What a map entry says besides the frame: mapped, and the rights. */
const entryProperties = 0xff;
const entryFrameShift = 8;

/** Bytes that stand for one page in the hash of its chunk: place, properties, digest. */
const rowBytes = 4 + 4 + digestWords * 4;

interface ChunkHash {
  /** Shared with the map, which copies a chunk before it changes it. */
  readonly entries: Int32Array;
  readonly contents: Float64Array;
  readonly digest: Int32Array;
}

/**
 * Pages count by their place in guest-physical memory, so frame numbers do not matter, nor whether a page of zeros was
 * touched. An overlay counts with what it hides.
 */
export class MemoryHash {
  private readonly chunks = new Map<number, ChunkHash>();
  private readonly pageDigests: Int32Array;
  /** The content that a frame's digest belongs to; 0 is the content of no frame in use. */
  private readonly digestContents: Float64Array;

  constructor(private readonly memory: GuestMemory) {
    this.pageDigests = new Int32Array(memory.frameCount * digestWords);
    this.digestContents = new Float64Array(memory.frameCount);
  }

  /** Adds the memory to `hash`. */
  addTo(hash: StateHash): void {
    this.memory.endWriteAccess();
    const { chunks, overlays } = this.memory.captureMap();
    for (const index of [...chunks.keys()].sort((a, b) => a - b)) {
      const entries = present(chunks.get(index), 'map chunk');
      if (isEmpty(entries)) continue;
      const rows = new RowWriter(1);
      rows.add(index, 0, this.chunkDigest(index, entries));
      hash.update(rows.bytes);
    }
    const hidden = new RowWriter(overlays.size);
    for (const [gpaPage, { underlying }] of [...overlays].sort(([a], [b]) => a - b)) {
      hidden.add(gpaPage, underlying & entryProperties, this.pageDigest(frameOf(underlying)));
    }
    hash.update(hidden.bytes);
  }

  private chunkDigest(index: number, entries: Int32Array): Int32Array {
    const known = this.chunks.get(index);
    if (known !== undefined && this.isCurrent(known, entries)) return known.digest;
    const contents = new Float64Array(chunkPages);
    const rows = new RowWriter(chunkPages);
    entries.forEach((entry, slot) => {
      if (entry === 0) return;
      const frame = frameOf(entry);
      if (frame >= 0) contents[slot] = this.memory.contentOf(frame);
      rows.add(slot, entry & entryProperties, this.pageDigest(frame));
    });
    const digest = new StateHash().update(rows.bytes).words();
    this.chunks.set(index, { entries, contents, digest });
    return digest;
  }

  private isCurrent({ entries, contents }: ChunkHash, now: Int32Array): boolean {
    const contentsNow = this.memory.contents;
    for (let slot = 0; slot < chunkPages; slot++) {
      const entry = now[slot] ?? 0;
      if (entry !== entries[slot]) return false;
      const frame = frameOf(entry);
      if (frame >= 0 && contentsNow[frame] !== contents[slot]) return false;
    }
    return true;
  }

  /** @param frame -1 for a page that was never touched */
  private pageDigest(frame: number): Int32Array {
    if (frame < 0) return zeroDigest;
    const content = this.memory.contentOf(frame);
    const at = frame * digestWords;
    if (this.digestContents[frame] !== content) {
      const bytes = this.memory.frameBytes(frame);
      this.pageDigests.set(
        isZeroPage(bytes) ? zeroDigest : new StateHash().update(bytes).words(),
        at,
      );
      this.digestContents[frame] = content;
    }
    return this.pageDigests.subarray(at, at + digestWords);
  }
}

const zeroDigest = new Int32Array(digestWords);

function frameOf(entry: number): number {
  return (entry >>> entryFrameShift) - 1;
}

function isEmpty(entries: Int32Array): boolean {
  for (const entry of entries) if (entry !== 0) return false;
  return true;
}

/** Rows of a hash, as bytes of one order on every platform. */
class RowWriter {
  private readonly view: DataView;
  private length = 0;

  constructor(capacity: number) {
    this.view = new DataView(new ArrayBuffer(capacity * rowBytes));
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer, 0, this.length);
  }

  add(place: number, properties: number, digest: Int32Array): void {
    this.view.setUint32(this.length, place, true);
    this.view.setUint32(this.length + 4, properties, true);
    digest.forEach((word, index) => this.view.setInt32(this.length + 8 + index * 4, word, true));
    this.length += rowBytes;
  }
}
