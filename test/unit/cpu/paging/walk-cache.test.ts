// Remembered walks: those of one half of the address space go, however many they are.
import assert from 'node:assert/strict';
import { WalkCache } from '../../../../debug-adapter/cpu/paging/walk-cache';

/** Lower half of the first address of a stretch of 2 MiB. */
const stretch = (number: number): number => (number * 0x200000) | 0;
const upper = -1;

describe('walk cache', () => {
  for (const count of [3, 256, 300, 1000]) {
    it(`drops the lower half and keeps the upper one after ${count} walks in the lower half`, () => {
      const cache = new WalkCache();
      cache.add(stretch(7), upper);
      for (let walk = 0; walk < count; walk++) cache.add(stretch(8 + (walk % 200)), 0);
      const first = cache.add(stretch(9), 0);
      cache.add(stretch(9), upper);
      assert.equal(cache.find(stretch(9), upper), first, 'the upper half has taken the place');
      assert.ok(cache.find(stretch(8), 0) >= 0);
      cache.dropLowerHalf();
      for (let number = 0; number < 256; number++) assert.equal(cache.find(stretch(number), 0), -1);
      assert.ok(cache.find(stretch(7), upper) >= 0);
      assert.equal(cache.find(stretch(9), upper), first);
      cache.add(stretch(10), 0);
      cache.dropLowerHalf();
      assert.equal(cache.find(stretch(10), 0), -1);
    });
  }
});
