// Files of chunks: what was written comes back; damage anywhere is found.
import assert from 'node:assert/strict';
import {
  decodeChunkFile,
  encodeChunkFile,
  type Chunk,
} from '../../../debug-adapter/support/chunk-file';
import { UserError } from '../../../debug-adapter/support/user-error';

const chunks: readonly Chunk[] = [
  { name: 'one', version: 1, plainBytes: 3, data: Uint8Array.of(1, 2, 3) },
  { name: 'empty', version: 2, plainBytes: 0, data: new Uint8Array(0) },
  { name: 'größer', version: 3, plainBytes: 5000, data: new Uint8Array(300).fill(7) },
];

const file = new Uint8Array(Buffer.concat(encodeChunkFile(1, chunks)));

function refusal(bytes: Uint8Array): string {
  try {
    decodeChunkFile(bytes, 1);
    return 'none';
  } catch (error) {
    return error instanceof UserError ? error.id : String(error);
  }
}

describe('a chunk file', () => {
  it('gives back what was written', () => {
    assert.deepEqual(
      decodeChunkFile(file, 1).map((chunk) => ({ ...chunk, data: chunk.data.slice() })),
      chunks,
    );
  });

  it('is refused for damage of any bit', () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = file.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.match(refusal(damaged), /^saved-file-(foreign|newer|damaged)$/, `bit ${bit}`);
    }
  });

  it('is refused where it is cut, or goes on', () => {
    for (let length = 0; length < file.length; length++) {
      assert.match(refusal(file.subarray(0, length)), /^saved-file-(foreign|damaged)$/);
    }
    assert.equal(refusal(new Uint8Array([...file, 0])), 'saved-file-damaged');
  });

  it('of a later format is refused as such', () => {
    const later = new Uint8Array(Buffer.concat(encodeChunkFile(2, chunks)));
    assert.equal(refusal(later), 'saved-file-newer');
  });
});
