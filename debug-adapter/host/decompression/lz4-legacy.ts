/** Unpacks the legacy frame of LZ4 (lz4_Frame_format.md, "Legacy frame"), which Linux uses for its kernels. */
import { OutputBuffer } from './output-buffer';
import { PackedDataError } from './packed-data-error';

const magicBytes = 4;
const frameMagic = 0x184c2102;
const minimumMatch = 4;
const lengthEscape = 15;

/**
 * Unpacks every block until the data ends.
 * @throws PackedDataError
 */
export function unpackLz4Legacy(packed: Uint8Array, limitBytes: number): Uint8Array {
  const output = new OutputBuffer(limitBytes);
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = magicBytes; at < packed.length;) {
    if (at + 4 > packed.length) throw new PackedDataError('it ends inside the size of a block');
    const size = view.getUint32(at, true);
    at += 4;
    // Another frame: archives may be joined.
    if (size === frameMagic) continue;
    // The end, for Linux: what pads an archive follows.
    if (size === 0) break;
    if (at + size > packed.length) {
      throw new PackedDataError(`a block of ${size} bytes does not fit into it`);
    }
    unpackBlock(packed.subarray(at, at + size), output);
    at += size;
  }
  return output.result;
}

/** A sequence is a token, literals, and a match; the last one has no match (lz4_Block_format.md). */
function unpackBlock(block: Uint8Array, output: OutputBuffer): void {
  const blockStart = output.length;
  let at = 0;
  const byte = (): number => {
    const value = block[at++];
    if (value === undefined) throw new PackedDataError('a block ends inside a sequence');
    return value;
  };
  const extended = (length: number): number => {
    if (length !== lengthEscape) return length;
    let total = length;
    for (let more = 255; more === 255;) {
      more = byte();
      total += more;
    }
    return total;
  };
  while (at < block.length) {
    const token = byte();
    const literals = extended(token >>> 4);
    if (at + literals > block.length) throw new PackedDataError('literals reach beyond a block');
    output.appendRange(block, at, literals);
    at += literals;
    if (at === block.length) return;
    const low = byte();
    const distance = low | (byte() << 8);
    if (distance === 0 || distance > output.length - blockStart) {
      throw new PackedDataError('a match begins before its block');
    }
    output.repeat(distance, extended(token & 15) + minimumMatch);
  }
  throw new PackedDataError('a block ends with a match');
}
