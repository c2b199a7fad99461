// Guest memory: frames on first touch, rights, overlays, and observers that hear of writes in time.
import assert from 'node:assert/strict';
import {
  frameFeedsTranslation,
  frameHoldsCode,
  GuestMemory,
  rightRead,
  rightsAll,
} from '../../../debug-adapter/machine/guest-memory';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const page = 4096;
const frameBase = 2 * page;

function memoryOf(frames: number): GuestMemory {
  return new GuestMemory(new Uint8Array(frameBase + frames * page), frameBase, frames);
}

describe('guest memory', () => {
  it('hands out a frame at the first touch, and reads zeros before', () => {
    const memory = memoryOf(4);
    memory.mapRam(0, 100);
    assert.deepEqual(memory.read(5 * page, 4), new Uint8Array(4));
    assert.deepEqual([memory.framesInUse, memory.frameOf(5)], [0, -1]);
    assert.ok(memory.write(5 * page + 1, Uint8Array.of(7)));
    assert.equal(memory.framesInUse, 1);
    assert.deepEqual(memory.read(5 * page, 3), Uint8Array.of(0, 7, 0));
  });

  it('crosses pages', () => {
    const memory = memoryOf(4);
    memory.mapRam(0, 2);
    assert.ok(memory.write(page - 2, Uint8Array.of(1, 2, 3, 4)));
    assert.deepEqual(memory.read(page - 3, 6), Uint8Array.of(0, 1, 2, 3, 4, 0));
  });

  it('writes zeros over what was there, and leaves a fresh frame as it is', () => {
    const memory = memoryOf(4);
    memory.mapRam(0, 4);
    const data = new Uint8Array(3 * page);
    assert.ok(memory.write(page, new Uint8Array(page).fill(9)));
    assert.ok(memory.write(0, data));
    assert.deepEqual([memory.framesInUse, memory.read(0, 3 * page)], [3, data]);
    data[2 * page - 1] = 1;
    data[3 * page - 3] = 2;
    assert.ok(memory.write(5, data));
    assert.deepEqual(memory.read(5, 3 * page), data);
  });

  it('writes an image over parts of the map, around pages that are there already', () => {
    const pages = 1500;
    const memory = memoryOf(pages);
    memory.mapRam(100, pages);
    const at = 100 * page + 40;
    const image = new Uint8Array((pages - 1) * page);
    for (let index = 0; index < pages; index += 3)
      image.fill(index, index * page + 7, index * page + 1500);
    for (const gpaPage of [300, 301, 1024, 1300]) memory.write(gpaPage * page, Uint8Array.of(99));
    assert.ok(memory.write(at, image));
    assert.equal(memory.framesInUse, pages);
    assert.deepEqual(memory.read(at, image.length), image);
    assert.deepEqual([memory.frameOf(1024), memory.frameOf(100), memory.frameOf(101)], [2, 4, 5]);
    assert.equal(memory.write(at + page, image), false, 'its end is not mapped');
  });

  it('tells observers of a frame that has got another use', () => {
    const memory = memoryOf(2);
    memory.mapRam(0, 2);
    const map = memory.captureMap();
    memory.write(0, Uint8Array.of(1));
    memory.addFlag(0, frameHoldsCode);
    const heard: number[] = [];
    memory.observe({
      codeWillChange: (frame) => heard.push(frame),
      translationWillChange: () => undefined,
      writeAccessDidEnd: () => undefined,
      mapDidChange: () => undefined,
    });
    memory.restoreMap(map);
    memory.write(page, Uint8Array.of(2));
    assert.deepEqual(heard, [0]);
  });

  it('refuses what is not mapped, and writes nothing then', () => {
    const memory = memoryOf(4);
    memory.mapRam(0, 1);
    assert.equal(memory.read(page - 1, 2), undefined);
    assert.equal(memory.write(page - 1, Uint8Array.of(1, 2)), false);
    assert.deepEqual(memory.read(page - 1, 1), Uint8Array.of(0));
    assert.equal(memory.touchFrame(9), -1);
  });

  it('says where frames are exhausted', () => {
    const memory = memoryOf(1);
    memory.mapRam(0, 2);
    assert.equal(memory.touchFrame(0), 0);
    assert.equal(memory.touchFrame(1), -2);
    assert.equal(memory.write(page, Uint8Array.of(1)), false);
  });

  it('keeps the frame where only rights change', () => {
    const memory = memoryOf(2);
    memory.mapRam(0, 1);
    memory.write(0, Uint8Array.of(5));
    memory.mapRam(0, 1, rightRead);
    assert.deepEqual([memory.rightsOf(0), memory.frameOf(0)], [rightRead, 0]);
    assert.deepEqual(memory.read(0, 1), Uint8Array.of(5));
  });

  it('lays pages over others and takes them away', () => {
    const memory = memoryOf(3);
    memory.mapRam(0, 1);
    memory.write(0, Uint8Array.of(1));
    assert.ok(memory.placeOverlay(0, new Uint8Array(page).fill(9), rightRead));
    assert.deepEqual(
      [memory.read(0, 1)?.[0], memory.rightsOf(0), memory.isOverlay(0)],
      [9, rightRead, true],
    );
    assert.ok(memory.placeOverlay(0, new Uint8Array(page).fill(8), rightsAll));
    memory.removeOverlay(0);
    assert.deepEqual(
      [memory.read(0, 1)?.[0], memory.rightsOf(0), memory.isOverlay(0)],
      [1, rightsAll, false],
    );
    assert.ok(memory.placeOverlay(7, new Uint8Array(page), rightRead), 'over nothing');
    memory.removeOverlay(7);
    assert.equal(memory.read(7 * page, 1), undefined);
  });

  it('gives overlays the frames of earlier ones, cleared', () => {
    const memory = memoryOf(1);
    for (let round = 0; round < 5; round++) {
      assert.ok(memory.placeOverlay(0, new Uint8Array(page).fill(round), rightRead));
      memory.removeOverlay(0);
    }
    memory.mapRam(3, 1);
    assert.deepEqual(memory.read(3 * page, 2), Uint8Array.of(0, 0));
  });

  it('tells observers before the bytes change', () => {
    const memory = memoryOf(2);
    memory.mapRam(0, 2);
    memory.write(0, Uint8Array.of(1));
    const heard: string[] = [];
    memory.observe({
      codeWillChange: (frame) => heard.push(`code ${frame} ${memory.read(0, 1)?.[0]}`),
      translationWillChange: () => heard.push('translation'),
      writeAccessDidEnd: () => heard.push('ended'),
      mapDidChange: () => heard.push('map'),
    });
    memory.write(0, Uint8Array.of(2));
    assert.deepEqual(heard, [], 'nobody derived anything yet');
    memory.addFlag(0, frameHoldsCode);
    memory.addFlag(0, frameHoldsCode);
    memory.addFlag(0, frameFeedsTranslation);
    assert.deepEqual(heard, ['ended'], 'cached write addresses end once');
    memory.write(0, Uint8Array.of(3));
    memory.markWalked(0);
    memory.clearTranslationFlags();
    memory.clearFlag(0, frameHoldsCode);
    memory.write(0, Uint8Array.of(4));
    memory.unmap(1, 1);
    assert.deepEqual(heard, ['ended', 'code 0 2', 'translation', 'code 0 3', 'map']);
  });

  it('gives each write a new content id', () => {
    const memory = memoryOf(2);
    memory.mapRam(0, 2);
    memory.write(0, Uint8Array.of(1));
    memory.write(page, Uint8Array.of(1));
    const [first, second] = [memory.contentOf(0), memory.contentOf(1)];
    assert.notEqual(first, second);
    memory.write(0, Uint8Array.of(1));
    assert.deepEqual([memory.contentOf(0) > first, memory.contentOf(1)], [true, second]);
  });

  const seed = seedOf(11);
  it(`random writes read back as from a plain array, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const pages = 1100;
    const memory = memoryOf(pages);
    memory.mapRam(0, pages);
    const model = new Uint8Array(pages * page);
    for (let index = 0; index < 3000; index++) {
      const length = random.below(random.chance(5) ? 9000 : 40);
      const at = random.below(model.length - length);
      const bytes = random.bytes(length);
      assert.ok(memory.write(at, bytes));
      model.set(bytes, at);
      const from = Math.max(0, at - random.below(100));
      const count = Math.min(length + random.below(200), model.length - from);
      assert.deepEqual(memory.read(from, count), model.subarray(from, from + count));
    }
    const touched = [...memory.touchedPages()].map(([gpaPage]) => gpaPage);
    assert.deepEqual(
      touched,
      [...touched].sort((a, b) => a - b),
    );
    for (const gpaPage of touched) {
      const at = gpaPage * page;
      assert.deepEqual(memory.read(at, page), model.subarray(at, at + page));
    }
  });
});
