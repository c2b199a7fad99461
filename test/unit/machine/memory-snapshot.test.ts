/** Snapshots of guest memory: they share pages, come back exactly, tell differences, and let go of what they held. */
import assert from 'node:assert/strict';
import {
  GuestMemory,
  frameHoldsCode,
  rightRead,
} from '../../../debug-adapter/machine/guest-memory';
import { MemorySnapshot } from '../../../debug-adapter/machine/memory-snapshot';
import { PageStore } from '../../../debug-adapter/machine/page-store';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const frameBase = 4096;
const frames = 200;
const pages = 150;

interface Seen {
  readonly codeChanges: number[];
  writeEnds: number;
  mapChanges: number;
}

function memoryRig(): { readonly memory: GuestMemory; readonly seen: Seen } {
  const memory = new GuestMemory(new Uint8Array(frameBase + frames * 4096), frameBase, frames);
  const seen: Seen = { codeChanges: [], writeEnds: 0, mapChanges: 0 };
  memory.observe({
    codeWillChange: (frame) => {
      memory.clearFlag(frame, frameHoldsCode);
      seen.codeChanges.push(frame);
    },
    translationWillChange: () => memory.clearTranslationFlags(),
    writeAccessDidEnd: () => seen.writeEnds++,
    mapDidChange: () => seen.mapChanges++,
  });
  memory.mapRam(0, pages);
  return { memory, seen };
}

const overlay = (fill: number): Uint8Array => new Uint8Array(4096).fill(fill);
const pageAt = (memory: GuestMemory, page: number): Uint8Array =>
  memory.read(page * 4096, 4096) ?? new Uint8Array(0);

describe('memory snapshot', () => {
  it('copies a page once, however many snapshots hold it, and keeps no page of zeros', () => {
    const { memory } = memoryRig();
    const store = new PageStore();
    for (let page = 0; page < 100; page++) memory.write(page * 4096, Uint8Array.of(page));
    const first = MemorySnapshot.take(memory, store);
    assert.equal(store.sizeBytes, 99 * 4096);
    const second = MemorySnapshot.take(memory, store, first);
    assert.equal(store.sizeBytes, 99 * 4096);
    memory.write(5 * 4096, Uint8Array.of(0xee));
    const third = MemorySnapshot.take(memory, store, second);
    assert.equal(store.sizeBytes, 100 * 4096);
    first.release();
    second.release();
    assert.equal(store.sizeBytes, 99 * 4096);
    third.release();
    assert.equal(store.sizeBytes, 0);
  });

  it('comes back with its content ids, and only what changed loses its code', () => {
    const { memory, seen } = memoryRig();
    const store = new PageStore();
    memory.write(0x1000, Uint8Array.of(1));
    memory.write(0x2000, Uint8Array.of(2));
    const [changed, kept] = [memory.frameOf(1), memory.frameOf(2)];
    const snapshot = MemorySnapshot.take(memory, store);
    const contents = [memory.contentOf(changed), memory.contentOf(kept)];
    memory.write(0x1000, Uint8Array.of(9));
    memory.write(0x3000, Uint8Array.of(3));
    const later = MemorySnapshot.take(memory, store, snapshot);
    const laterContent = memory.contentOf(changed);
    memory.addFlag(changed, frameHoldsCode);
    memory.addFlag(kept, frameHoldsCode);
    snapshot.restore(memory);
    assert.deepEqual([memory.contentOf(changed), memory.contentOf(kept)], contents);
    assert.deepEqual(seen.codeChanges, [changed]);
    assert.deepEqual([pageAt(memory, 1)[0], pageAt(memory, 3)[0], memory.frameOf(3)], [1, 0, -1]);
    later.restore(memory);
    assert.equal(memory.contentOf(changed), laterContent);
    assert.deepEqual([pageAt(memory, 1)[0], pageAt(memory, 3)[0]], [9, 3]);
  });

  it('a frame that is handed out again after travelling is zeroed, under an id never used', () => {
    const { memory } = memoryRig();
    const store = new PageStore();
    const start = MemorySnapshot.take(memory, store);
    memory.write(0x4000, Uint8Array.of(7));
    const frame = memory.frameOf(4);
    const before = memory.contentOf(frame);
    start.restore(memory);
    assert.equal(memory.touchFrame(9), frame);
    assert.deepEqual(pageAt(memory, 9), new Uint8Array(4096));
    assert(memory.contentOf(frame) > before);
  });

  it('compares bytes, takes over equal ids, and names the frame that differs', () => {
    const { memory } = memoryRig();
    const store = new PageStore();
    memory.write(0x1000, Uint8Array.of(1, 2));
    memory.write(0x2000, Uint8Array.of(3));
    const snapshot = MemorySnapshot.take(memory, store);
    const frame = memory.frameOf(1);
    const content = memory.contentOf(frame);
    memory.write(0x1001, Uint8Array.of(2));
    assert.notEqual(memory.contentOf(frame), content);
    assert.equal(snapshot.compare(memory), undefined);
    assert.equal(memory.contentOf(frame), content);
    memory.write(0x1fff, Uint8Array.of(1));
    assert.equal(snapshot.compare(memory), frame);
  });

  it('random writes, overlays and travels: every snapshot comes back byte for byte', () => {
    const seed = seedOf(20_261);
    const random = new SeededRandom(seed);
    const { memory } = memoryRig();
    const store = new PageStore();
    const taken: { snapshot: MemorySnapshot; saved: ReturnType<GuestMemory['save']> }[] = [];
    let base: MemorySnapshot | undefined;
    for (let round = 0; round < 400; round++) {
      const page = random.below(pages);
      const action = random.below(10);
      if (action < 5) memory.write(page * 4096 + random.below(4000), random.bytes(4));
      else if (action === 5) memory.placeOverlay(page, overlay(random.below(256)), rightRead);
      else if (action === 6) memory.removeOverlay(page);
      else if (action === 7 && taken.length < 40) {
        base = MemorySnapshot.take(memory, store, base);
        taken.push({ snapshot: base, saved: memory.save() });
      } else {
        const chosen = taken[random.below(Math.max(1, taken.length))];
        if (chosen === undefined) continue;
        chosen.snapshot.restore(memory);
        assert.deepEqual(memory.save(), chosen.saved, `seed ${seed}, round ${round}`);
        base = chosen.snapshot;
      }
    }
    for (const { snapshot } of taken) snapshot.release();
    assert.equal(store.sizeBytes, 0);
  });
});
