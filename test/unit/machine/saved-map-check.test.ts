/** What is refused of a saved memory map, and that what was saved is not. */
import assert from 'node:assert/strict';
import {
  GuestMemory,
  rightRead,
  type GuestMemorySavedState,
} from '../../../debug-adapter/machine/guest-memory';
import { findMapDamage } from '../../../debug-adapter/machine/saved-map-check';

const pages = 8;

/** Pages 0 and 2 have frames 0 and 1, page 2 is below an overlay with frame 2, and frame 3 is free. */
function savedMap(): GuestMemorySavedState {
  const memory = new GuestMemory(new Uint8Array(pages * 4096), 0, pages);
  memory.mapRam(0, 6);
  memory.mapRam(3, 1, 0);
  memory.write(0, Uint8Array.of(1));
  memory.write(0x2000, Uint8Array.of(2));
  memory.placeOverlay(2, new Uint8Array(4096), rightRead);
  memory.placeOverlay(4, new Uint8Array(4096), rightRead);
  memory.removeOverlay(4);
  memory.placeOverlay(0x12345, new Uint8Array(4096), rightRead);
  memory.removeOverlay(0x12345);
  return memory.save();
}

describe('the check of a saved memory map', () => {
  it('finds nothing in what was saved', () => {
    const saved = savedMap();
    assert.deepEqual(saved.freeFrames, [3]);
    assert.equal(findMapDamage(saved, 4), undefined);
  });

  const rows: readonly (readonly [string, (saved: GuestMemorySavedState) => object, RegExp])[] = [
    ['fewer frames', () => ({}), /entry|free/],
    ['a free frame that is in use', () => ({ freeFrames: [0] }), /free page/],
    ['a free frame twice', () => ({ freeFrames: [3, 3] }), /free page/],
    ['half a frame', () => ({ freeFrames: [0.5] }), /free page/],
    ['an overlay elsewhere', () => ({ overlays: [{ gpaPage: 5, underlying: 0 }] }), /overlay/],
    ['half an overlay', () => ({ overlays: [{ gpaPage: 2.5, underlying: 0 }] }), /overlay/],
    [
      'the frame of an overlay below it',
      () => ({ overlays: [{ gpaPage: 2, underlying: (3 << 8) | 0xf }] }),
      /entry/,
    ],
    [
      'rights that there are not below an overlay',
      () => ({ overlays: [{ gpaPage: 2, underlying: (2 << 8) | 0x1f }] }),
      /entry/,
    ],
    ['a part without a number', ({ chunks }) => ({ chunks: [...chunks, ...chunks] }), /part/],
  ];
  for (const [index, [what, change, expected]] of rows.entries()) {
    it(`finds ${what}`, () => {
      const saved = savedMap();
      const frames = index === 0 ? 2 : 4;
      assert.match(findMapDamage({ ...saved, ...change(saved) }, frames) ?? '', expected);
    });
  }
});
