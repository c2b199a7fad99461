// Halves of 64-bit values, unsigned, whatever the sign of what they are taken from.
import assert from 'node:assert/strict';
import { highHalf, lowHalf } from '../../../debug-adapter/support/word-halves';

describe('halves of 64-bit values', () => {
  for (const [value, low, high] of [
    [0n, 0, 0],
    [0x0123_4567_89ab_cdefn, 0x89abcdef, 0x01234567],
    [0xffff_ffff_0000_0000n, 0, 0xffffffff],
    [-1n, 0xffffffff, 0xffffffff],
    [1n << 64n, 0, 0],
  ] as const) {
    it(`0x${value.toString(16)}`, () => {
      assert.deepEqual([lowHalf(value), highHalf(value)], [low, high]);
    });
  }
});
