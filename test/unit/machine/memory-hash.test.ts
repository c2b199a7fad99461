/** The hash of memory: every byte, right and overlay counts; frame numbers and touches do not; caching is exact. */
import assert from 'node:assert/strict';
import { GuestMemory, rightRead, rightsAll } from '../../../debug-adapter/machine/guest-memory';
import { MemoryHash } from '../../../debug-adapter/machine/memory-hash';
import { StateHash } from '../../../debug-adapter/support/state-hash';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const frameBase = 4096;
const frames = 64;

function memoryRig(): GuestMemory {
  const memory = new GuestMemory(new Uint8Array(frameBase + frames * 4096), frameBase, frames);
  memory.mapRam(0, 40);
  memory.mapRam(1000, 8);
  return memory;
}

function digestOf(hash: MemoryHash): string {
  const state = new StateHash();
  hash.addTo(state);
  return state.digest();
}

const fresh = (memory: GuestMemory): string => digestOf(new MemoryHash(memory));

describe('memory hash', () => {
  it('does not depend on the order in which pages were touched, nor on a touch', () => {
    const [one, other] = [memoryRig(), memoryRig()];
    one.write(0x1000, Uint8Array.of(1));
    one.write(0x2000, Uint8Array.of(2));
    other.write(0x2000, Uint8Array.of(2));
    other.touchFrame(7);
    other.write(0x1000, Uint8Array.of(1));
    assert.notEqual(one.frameOf(1), other.frameOf(1));
    assert.equal(fresh(one), fresh(other));
  });

  const changes: readonly (readonly [string, (memory: GuestMemory) => void])[] = [
    ['a byte', (memory) => void memory.write(0x1fff, Uint8Array.of(9))],
    [
      'a byte of a page not touched before',
      (memory) => void memory.write(0x9000, Uint8Array.of(1)),
    ],
    ['two equal pages swapped in place', (memory) => void memory.write(0x3000, Uint8Array.of(5))],
    ['rights', (memory) => memory.mapRam(5, 1, rightRead)],
    ['a page less', (memory) => memory.unmap(39, 1)],
    ['a page more', (memory) => memory.mapRam(1008, 1, rightsAll)],
    ['an overlay', (memory) => void memory.placeOverlay(2, new Uint8Array(4096), rightsAll)],
    [
      'what an overlay hides',
      (memory) => {
        memory.removeOverlay(6);
        memory.write(0x6000, Uint8Array.of(3));
        memory.placeOverlay(6, new Uint8Array(4096).fill(8), rightRead);
      },
    ],
  ];
  for (const [what, change] of changes) {
    it(`changes with ${what}`, () => {
      const memory = memoryRig();
      memory.write(0x1000, Uint8Array.of(1));
      memory.placeOverlay(6, new Uint8Array(4096).fill(8), rightRead);
      const hash = new MemoryHash(memory);
      const before = digestOf(hash);
      change(memory);
      assert.notEqual(digestOf(hash), before);
      assert.equal(digestOf(hash), fresh(memory));
    });
  }

  it('random changes: what is cached equals what is computed anew', () => {
    const seed = seedOf(20_262);
    const random = new SeededRandom(seed);
    const memory = memoryRig();
    const hash = new MemoryHash(memory);
    for (let round = 0; round < 300; round++) {
      const page = random.below(40);
      if (random.below(8) === 0) memory.placeOverlay(page, random.bytes(4096), rightRead);
      else if (random.below(8) === 0) memory.removeOverlay(page);
      else memory.write(page * 4096 + random.below(4000), random.bytes(3));
      assert.equal(digestOf(hash), fresh(memory), `seed ${seed}, round ${round}`);
    }
  });
});
