/** Unpacks what kernels are compressed with: gzip by Node, zstd by a package, LZ4 and xz here. */
import { gunzipSync } from 'node:zlib';
import { decompress } from 'fzstd';
import type { CompressionFormat, Decompressor, Unpacked } from '../backends/decompressor';
import { unpackLz4Legacy } from './decompression/lz4-legacy';
import { PackedDataError } from './decompression/packed-data-error';
import { unpackXz } from './decompression/xz';

type Unpack = (packed: Uint8Array, limitBytes: number) => Uint8Array;

function unpackGzip(packed: Uint8Array, limitBytes: number): Uint8Array {
  return new Uint8Array(gunzipSync(packed, { maxOutputLength: Math.max(1, limitBytes) }));
}

/** Most that one block of zstd yields (RFC 8878, 3.1.1.2.4). */
const zstdBlockBytes = 128 * 1024;

/**
 * The package trusts the sizes that a frame claims where it makes the buffer itself, so it is given one, with room for
 * one block beyond the limit: it does not notice where a buffer ends.
 */
function unpackZstd(packed: Uint8Array, limitBytes: number): Uint8Array {
  const result = decompress(packed, new Uint8Array(limitBytes + zstdBlockBytes));
  if (result.length <= limitBytes) return result;
  throw new PackedDataError(`it unpacks to more than ${limitBytes} bytes`);
}

const unpackers: Readonly<Record<CompressionFormat, Unpack>> = {
  gzip: unpackGzip,
  lz4: unpackLz4Legacy,
  xz: unpackXz,
  zstd: unpackZstd,
};

/** Decompression in this process. */
export const nodeDecompressor: Decompressor = {
  unpack: (format, packed, limitBytes): Unpacked => {
    try {
      return { kind: 'unpacked', bytes: unpackers[format](packed, limitBytes) };
    } catch (error) {
      // Whatever a decompressor throws says that the data is bad: it has no other input.
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  },
};
