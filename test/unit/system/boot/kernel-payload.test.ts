/** The kernel inside a bzImage: packed in every format, truncated, lying about its size. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { nodeDecompressor } from '../../../../debug-adapter/host/node-decompressor';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { readBzImage } from '../../../../debug-adapter/system/boot/bz-image';
import {
  unpackKernel,
  unpackKernelByParts,
} from '../../../../debug-adapter/system/boot/kernel-payload';
import { bzImage } from '../../../support/boot-images';

const folder = new URL('../../../fixtures/compressed/', import.meta.url);
const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const original = new Uint8Array(gunzipSync(sample('deflate.gz')));

/** As scripts/Makefile.lib of Linux does: the size follows what is packed. */
function withSize(packed: Uint8Array, size = original.length): Uint8Array {
  const bytes = new Uint8Array(packed.length + 4);
  bytes.set(packed);
  new DataView(bytes.buffer).setUint32(packed.length, size, true);
  return bytes;
}

function unpack(payload: Uint8Array, decompressor = nodeDecompressor): Uint8Array {
  const image = { path: 'vmlinuz', bytes: bzImage({ payload }) };
  return unpackKernel(image, readBzImage(image), decompressor).bytes;
}

/** The same by parts; undefined where it is unpacked as a whole. */
function unpackByParts(payload: Uint8Array): Uint8Array | undefined {
  const image = { path: 'vmlinuz', bytes: bzImage({ payload }) };
  const kernel = unpackKernelByParts(image, readBzImage(image), nodeDecompressor);
  if (kernel === undefined) return undefined;
  const bytes = Buffer.concat(Array.from(kernel.parts, (part) => Buffer.from(part)));
  assert.equal(kernel.sizeBytes, bytes.length);
  return bytes;
}

const payloads: readonly (readonly [string, Uint8Array])[] = [
  ['gzip', sample('deflate.gz')],
  ['LZ4', withSize(sample('legacy.lz4'))],
  ['xz with the x86 filter', withSize(sample('x86-crc32.xz'))],
  ['zstd', withSize(sample('unknown-size.zst'))],
];

const refused: readonly (readonly [string, Uint8Array])[] = [
  ['image-compression', withSize(Uint8Array.of(0x42, 0x5a, 0x68))],
  ['image-too-large', withSize(sample('legacy.lz4'), 0xffffffff)],
  ['image-damaged', withSize(sample('legacy.lz4'), original.length - 1)],
  ['image-damaged', withSize(sample('legacy.lz4'), original.length + 1)],
  ['image-damaged', withSize(sample('x86-crc32.xz').subarray(0, 2000))],
];

describe('kernel payload', () => {
  for (const [title, payload] of payloads) {
    it(`is unpacked: ${title}`, () => {
      assert.ok(Buffer.from(unpack(payload)).equals(original));
      const byParts = unpackByParts(payload);
      assert.equal(byParts !== undefined, title === 'LZ4');
      assert.ok(byParts === undefined || Buffer.from(byParts).equals(original));
    });
  }

  refused.forEach(([id, payload], index) => {
    it(`is refused with ${id} (${index})`, () => {
      const isExpected = (problem: unknown): boolean =>
        problem instanceof UserError && problem.id === id && problem.message.includes('vmlinuz');
      assert.throws(() => unpack(payload), isExpected);
      assert.throws(() => unpackByParts(payload) ?? unpack(payload), isExpected);
    });
  });
});
