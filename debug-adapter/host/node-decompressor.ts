/** Unpacks what kernels are compressed with: gzip by Node, zstd by a package, LZ4 and xz here. */
import { gunzipSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import type { CompressionFormat, Decompressor, Unpacked } from '../backends/decompressor';
import { lz4LegacyParts, unpackLz4Legacy } from './decompression/lz4-legacy';
import { OutputBuffer } from './decompression/output-buffer';
import { PackedDataError } from './decompression/packed-data-error';
import { unpackXz } from './decompression/xz';

type Unpack = (packed: Uint8Array, limitBytes: number) => Uint8Array;

function unpackGzip(packed: Uint8Array, limitBytes: number): Uint8Array {
  return new Uint8Array(gunzipSync(packed, { maxOutputLength: Math.max(1, limitBytes) }));
}

/** Largest window of zstd that kernels are packed with (`zstd --ultra -22`). */
const zstdWindowBytes = 128 * 1024 * 1024;

/** Window that a frame asks for, or its size where it is its own window (RFC 8878, 3.1.1.1). */
function zstdWindow(packed: Uint8Array): number {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (packed.length < 13) throw new PackedDataError('it ends too early');
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const window = view.getUint8(5);
    return 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  }
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return view.getUint8(at);
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return at + 8 <= packed.length ? Number(view.getBigUint64(at, true)) : 0;
  }
}

/** The package takes the memory that a frame asks for, so that is looked at first. */
function unpackZstd(packed: Uint8Array, limitBytes: number): Uint8Array {
  const window = zstdWindow(packed);
  if (window > Math.max(limitBytes, zstdWindowBytes)) {
    throw new PackedDataError(`it wants a window of ${window} bytes`);
  }
  const output = new OutputBuffer(limitBytes);
  const stream = new Decompress((block) => output.append(block));
  stream.push(packed, true);
  return output.result;
}

const unpackers: Readonly<Record<CompressionFormat, Unpack>> = {
  gzip: unpackGzip,
  lz4: unpackLz4Legacy,
  xz: unpackXz,
  zstd: unpackZstd,
};

/** Whatever a decompressor throws says that the data is bad: it has no other input. */
function failure(error: unknown): Unpacked {
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
}

function* outcomes(parts: Iterable<Uint8Array>): Generator<Unpacked> {
  try {
    for (const bytes of parts) yield { kind: 'unpacked', bytes };
  } catch (error) {
    yield failure(error);
  }
}

/** Decompression in this process. */
export const nodeDecompressor: Decompressor = {
  unpack: (format, packed, limitBytes) => {
    try {
      return { kind: 'unpacked', bytes: unpackers[format](packed, limitBytes) };
    } catch (error) {
      return failure(error);
    }
  },
  unpackByParts: (format, packed, limitBytes) =>
    format === 'lz4' ? outcomes(lz4LegacyParts(packed, limitBytes)) : undefined,
};
