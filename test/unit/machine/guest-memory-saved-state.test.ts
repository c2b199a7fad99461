/** Guest memory: overlays reuse frames; a saved memory comes back with map, overlays and free frames. */
import assert from 'node:assert/strict';
import { GuestMemory, rightRead, rightsAll } from '../../../debug-adapter/machine/guest-memory';

const frameBase = 4096;
const frames = 8;

function memoryRig(): GuestMemory {
  const memory = new GuestMemory(new Uint8Array(frameBase + frames * 4096), frameBase, frames);
  memory.mapRam(0, 6);
  return memory;
}

const byteAt = (memory: GuestMemory, gpa: number): number | undefined => memory.read(gpa, 1)?.[0];
const overlay = (fill: number): Uint8Array => new Uint8Array(4096).fill(fill);

describe('guest memory', () => {
  it('hands the frames of removed overlays out again, zeroed', () => {
    const memory = memoryRig();
    for (let round = 0; round < 50; round++) {
      assert(memory.placeOverlay(2, overlay(round), rightRead));
      assert.equal(byteAt(memory, 0x2000), round);
    }
    memory.removeOverlay(2);
    assert.equal(memory.framesInUse, 1);
    memory.write(0x3001, Uint8Array.of(1));
    assert.deepEqual([memory.framesInUse, byteAt(memory, 0x3000)], [1, 0]);
  });

  it('shows again what an overlay hid', () => {
    const memory = memoryRig();
    memory.write(0x2000, Uint8Array.of(7));
    memory.placeOverlay(2, overlay(9), rightRead);
    assert.deepEqual([byteAt(memory, 0x2000), memory.rightsOf(2)], [9, rightRead]);
    memory.placeOverlay(2, overlay(8), rightRead);
    memory.removeOverlay(2);
    assert.deepEqual([byteAt(memory, 0x2000), memory.rightsOf(2)], [7, rightsAll]);
  });

  it('comes back from a saved state, on another instance too', () => {
    const memory = memoryRig();
    memory.write(0x1000, Uint8Array.of(1));
    memory.placeOverlay(3, overlay(5), rightRead);
    memory.placeOverlay(4, overlay(6), rightRead);
    memory.removeOverlay(3);
    const saved = memory.save();
    memory.write(0x1000, Uint8Array.of(2));
    memory.write(0x5000, Uint8Array.of(3));
    memory.removeOverlay(4);
    for (const target of [memory, memoryRig()]) {
      assert(target.restore(saved));
      assert.deepEqual(
        [0x1000, 0x3000, 0x4000, 0x5000].map((gpa) => byteAt(target, gpa)),
        [1, 0, 6, 0],
      );
      assert(target.isOverlay(4) && !target.isOverlay(3));
      assert.deepEqual(target.save(), saved);
    }
  });

  it('refuses a state that does not fit, unchanged', () => {
    const memory = memoryRig();
    memory.write(0x1000, Uint8Array.of(1));
    const saved = memory.save();
    const misfits = [
      { ...saved, frames: new Uint8Array(100 * 4096) },
      { ...saved, frames: new Uint8Array(17) },
      { ...saved, freeFrames: [99] },
      { ...saved, chunks: [{ index: 0, entries: new Uint8Array(4) }] },
    ];
    for (const misfit of misfits) assert.equal(memory.restore(misfit), false);
    assert.equal(byteAt(memory, 0x1000), 1);
  });
});
