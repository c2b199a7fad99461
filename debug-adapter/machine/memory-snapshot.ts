/** The contents of a partition's memory at one moment, sharing with other snapshots whatever did not change. */
import { present } from '../support/assert';
import { equalBytes } from '../support/equal-bytes';
import type { GuestMemory, MapSnapshot } from './guest-memory';
import { isZeroPage, zeroPage, type PageStore } from './page-store';

const groupFrames = 64;
/** Content id of a frame that is not in use; its bytes are zero. */
const unusedContent = 0;

/** Consecutive frames: their content ids, and the slots of their copies. */
interface FrameGroup {
  readonly contents: Float64Array;
  readonly slots: Int32Array;
  holders: number;
}

/** A snapshot; {@link release} it when it is not needed any more. */
export class MemorySnapshot {
  private constructor(
    private readonly store: PageStore,
    private readonly map: MapSnapshot,
    private readonly groups: readonly FrameGroup[],
  ) {}

  /**
   * Takes a snapshot. Guests cannot tell: what is cached of write addresses is dropped, nothing else happens.
   * @param base a recent snapshot of the same memory in the same store; only frames that differ from it are copied
   */
  static take(memory: GuestMemory, store: PageStore, base?: MemorySnapshot): MemorySnapshot {
    memory.endWriteAccess();
    const map = memory.captureMap();
    const groups: FrameGroup[] = [];
    for (let first = 0; first < map.framesInUse; first += groupFrames) {
      const before = base?.groups[first / groupFrames];
      if (before !== undefined && equalsGroup(memory, first, before)) {
        before.holders++;
        groups.push(before);
      } else groups.push(copyGroup(memory, store, first, before));
    }
    return new MemorySnapshot(store, map, groups);
  }

  /** Makes the memory what it was; frames that did not change keep what was derived from them. */
  restore(memory: GuestMemory): void {
    memory.endWriteAccess();
    this.forEachChanged(memory, (frame, content, slot) => {
      const bytes = slot === zeroPage ? undefined : this.store.bytesOf(slot);
      memory.restoreFrame(frame, content, bytes);
      return true;
    });
    for (let frame = this.map.framesInUse; frame < memory.framesInUse; frame++) {
      memory.restoreFrame(frame, unusedContent, undefined);
    }
    memory.restoreMap(this.map);
  }

  /**
   * Compares the memory with the snapshot, byte by byte where ids differ; frames that are equal take the
   * snapshot's ids, so that their copies are shared from here on.
   * @returns the first frame that differs, undefined where all is equal
   */
  compare(memory: GuestMemory): number | undefined {
    memory.endWriteAccess();
    const { framesInUse } = this.map;
    if (memory.framesInUse !== framesInUse) return Math.min(framesInUse, memory.framesInUse);
    return this.forEachChanged(memory, (frame, content, slot) => {
      if (!this.holdsBytes(slot, memory.frameBytes(frame))) return false;
      memory.adoptContent(frame, content);
      return true;
    });
  }

  /** Lets go of the copies that only this snapshot holds. */
  release(): void {
    for (const group of this.groups) {
      if (--group.holders > 0) continue;
      for (const slot of group.slots) this.store.release(slot);
    }
  }

  /**
   * Visits the frames of the snapshot that have another content id now.
   * @param visit false ends it
   * @returns the frame whose visit ended it
   */
  private forEachChanged(
    memory: GuestMemory,
    visit: (frame: number, content: number, slot: number) => boolean,
  ): number | undefined {
    const now = memory.contents;
    for (const [number, { contents, slots }] of this.groups.entries()) {
      const first = number * groupFrames;
      for (let index = 0; index < contents.length; index++) {
        const content = contents[index] ?? unusedContent;
        if (now[first + index] === content) continue;
        if (!visit(first + index, content, slots[index] ?? zeroPage)) return first + index;
      }
    }
    return undefined;
  }

  private holdsBytes(slot: number, bytes: Uint8Array): boolean {
    return slot === zeroPage ? isZeroPage(bytes) : equalBytes(this.store.bytesOf(slot), bytes);
  }
}

function framesOfGroup(memory: GuestMemory, first: number): number {
  return Math.min(groupFrames, memory.framesInUse - first);
}

function equalsGroup(memory: GuestMemory, first: number, { contents }: FrameGroup): boolean {
  if (framesOfGroup(memory, first) !== contents.length) return false;
  const now = memory.contents;
  for (let index = 0; index < contents.length; index++) {
    if (now[first + index] !== contents[index]) return false;
  }
  return true;
}

function copyGroup(
  memory: GuestMemory,
  store: PageStore,
  first: number,
  before: FrameGroup | undefined,
): FrameGroup {
  const count = framesOfGroup(memory, first);
  const contents = new Float64Array(count);
  const slots = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const content = memory.contentOf(first + index);
    contents[index] = content;
    if (before?.contents[index] === content) {
      const slot = present(before.slots[index], 'page slot');
      store.hold(slot);
      slots[index] = slot;
    } else slots[index] = store.keep(memory.frameBytes(first + index));
  }
  return { contents, slots, holders: 1 };
}
