/** Unpacks the legacy frame of LZ4 (lz4_Frame_format.md, "Legacy frame"), which Linux uses for its kernels. */
import { Lz4BlockDecoder } from './lz4-block';
import { PackedDataError } from './packed-data-error';

const magicBytes = 4;
const frameMagic = 0x184c2102;
const sizeBytes = 4;
/** What a block unpacks to at most. */
const blockBytesMax = 8 * 1024 * 1024;

/**
 * Unpacks every block until the data ends.
 * @throws PackedDataError
 */
export function unpackLz4Legacy(packed: Uint8Array, limitBytes: number): Uint8Array {
  const blocks = blocksOf(packed);
  const decoder = new Lz4BlockDecoder(longestOf(blocks), limitBytes);
  for (const block of blocks) decoder.decode(block, blockBytesMax);
  return decoder.output;
}

/**
 * The same by small parts, each of which is good until the next is asked for.
 * @throws PackedDataError
 */
export function* lz4LegacyParts(packed: Uint8Array, limitBytes: number): Generator<Uint8Array> {
  const blocks = blocksOf(packed);
  const decoder = new Lz4BlockDecoder(longestOf(blocks), Math.min(limitBytes, blockBytesMax));
  let left = limitBytes;
  for (const block of blocks) {
    for (const part of decoder.parts(block, Math.min(left, blockBytesMax))) {
      left -= part.length;
      yield part;
    }
  }
}

function longestOf(blocks: readonly Uint8Array[]): number {
  return blocks.reduce((length, block) => Math.max(length, block.length), 0);
}

function blocksOf(packed: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const blocks: Uint8Array[] = [];
  for (let at = magicBytes; at < packed.length;) {
    if (at + sizeBytes > packed.length) {
      throw new PackedDataError('it ends inside the size of a block');
    }
    const size = view.getUint32(at, true);
    at += sizeBytes;
    // Another frame: archives may be joined.
    if (size === frameMagic) continue;
    // The end, for Linux: what pads an archive follows.
    if (size === 0) break;
    if (at + size > packed.length) {
      throw new PackedDataError(`a block of ${size} bytes does not fit into it`);
    }
    blocks.push(packed.subarray(at, at + size));
    at += size;
  }
  return blocks;
}
