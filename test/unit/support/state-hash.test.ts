/** The state hash: stable, sensitive to every bit and to how pieces are cut. */
import assert from 'node:assert/strict';
import { StateHash } from '../../../debug-adapter/support/state-hash';

const hashOf = (...pieces: Uint8Array[]): string =>
  pieces.reduce((hash, piece) => hash.update(piece), new StateHash()).digest();

describe('state hash', () => {
  it('has one value for one input, on every platform', () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, index) => (index * 37) & 0xff);
    assert.equal(hashOf(bytes), '3d9cf9ce9d4282741c9e0a3cf047bf04');
  });

  it('changes with every single bit, and all hashes differ', () => {
    const bytes = new Uint8Array(67);
    const seen = new Set([hashOf(bytes)]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] = 1 << (bit & 7);
      seen.add(hashOf(changed));
    }
    assert.equal(seen.size, bytes.length * 8 + 1);
  });

  it('tells lengths of zeros and cuts of pieces apart', () => {
    const seen = new Set<string>();
    for (let length = 0; length < 200; length++) seen.add(hashOf(new Uint8Array(length)));
    assert.equal(seen.size, 200);
    const bytes = Uint8Array.of(1, 2, 3, 4);
    assert.notEqual(hashOf(bytes), hashOf(bytes.subarray(0, 2), bytes.subarray(2)));
  });
});
