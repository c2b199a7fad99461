/** Comparing bytes, in words where they are aligned. */
import assert from 'node:assert/strict';
import { equalBytes, isAllZero } from '../../../debug-adapter/support/equal-bytes';

describe('bytes compared', () => {
  it('finds a difference at any place, aligned or not', () => {
    for (const from of [0, 1, 4]) {
      for (const length of [0, 1, 3, 4, 7, 16]) {
        const left = new Uint8Array(32).subarray(from, from + length);
        const right = new Uint8Array(32).subarray(from, from + length);
        assert.equal(equalBytes(left, right), true);
        assert.equal(isAllZero(left), true);
        for (let at = 0; at < length; at++) {
          left[at] = 0x80;
          assert.equal(equalBytes(left, right), false, `${from} ${length} ${at}`);
          assert.equal(isAllZero(left), false, `${from} ${length} ${at}`);
          left[at] = 0;
        }
      }
    }
  });
});
