/** Unpacks .xz streams with LZMA2, with or without the x86 filter (The .xz File Format 1.1.0). */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { undoBcjX86 } from './bcj-x86';
import { crc64Bytes } from './crc64';
import { LzmaDecoder } from './lzma-decoder';
import { PackedDataError } from './packed-data-error';

const streamMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] as const;
const streamHeaderBytes = 12;
const filterLzma2 = 0x21;
const filterX86 = 0x04;

/** Checks of the uncompressed data by their number: how many bytes they have, and how they are made. */
interface IntegrityCheck {
  readonly bytes: number;
  readonly of: (data: Uint8Array) => Uint8Array;
}

const checks: ReadonlyMap<number, IntegrityCheck> = new Map<number, IntegrityCheck>([
  [0, { bytes: 0, of: () => new Uint8Array(0) }],
  [1, { bytes: 4, of: (data) => new Uint8Array(Uint32Array.of(crc32(data)).buffer) }],
  [4, { bytes: 8, of: crc64Bytes }],
  [10, { bytes: 32, of: (data) => createHash('sha256').update(data).digest() }],
]);

interface BlockHeader {
  /** Start offset of the x86 filter; undefined without one. */
  readonly x86Offset: number | undefined;
  readonly unpackedBytes: number | undefined;
}

/**
 * Unpacks the stream at the start of `packed`; what follows it is ignored.
 * @throws PackedDataError
 */
export function unpackXz(packed: Uint8Array, limitBytes: number): Uint8Array {
  return new XzStream(packed, limitBytes).unpack();
}

class XzStream {
  private readonly view: DataView;
  private readonly decoder: LzmaDecoder;
  private at = streamHeaderBytes;

  constructor(
    private readonly packed: Uint8Array,
    limitBytes: number,
  ) {
    this.view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
    this.decoder = new LzmaDecoder(limitBytes);
  }

  unpack(): Uint8Array {
    const { packed } = this;
    const begins = streamMagic.every((byte, index) => packed[index] === byte);
    if (!begins || packed.length < streamHeaderBytes) {
      throw new PackedDataError('it does not begin as an xz stream');
    }
    this.checkCrc32(6, 8, 'stream header');
    const check = checks.get(packed[7] ?? -1);
    if (check === undefined || packed[6] !== 0) {
      throw new PackedDataError('its integrity check is of an unknown kind');
    }
    while (this.byteAt(this.at) !== 0) {
      const start = this.decoder.length;
      const header = this.readBlockHeader();
      const dataStart = this.at;
      this.unpackLzma2(start);
      this.skipPadding(dataStart);
      const block = this.decoder.output.subarray(start);
      if (header.x86Offset !== undefined) undoBcjX86(block, header.x86Offset);
      this.checkBlock(block, header, check);
    }
    this.checkIndex();
    return this.decoder.output;
  }

  private byteAt(at: number): number {
    const byte = this.packed[at];
    if (byte === undefined) throw new PackedDataError('it ends too early');
    return byte;
  }

  /** A number in groups of seven bits, low ones first. */
  private readNumber(): number {
    let value = 0;
    for (let count = 0, scale = 1; count < 9; count++, scale *= 128) {
      const byte = this.byteAt(this.at++);
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value;
    }
    throw new PackedDataError('a number in it is too long');
  }

  private checkCrc32(from: number, to: number, what: string): void {
    this.byteAt(to + 3);
    if (crc32(this.packed.subarray(from, to)) !== this.view.getUint32(to, true)) {
      throw new PackedDataError(`the checksum of its ${what} is wrong`);
    }
  }

  private readBlockHeader(): BlockHeader {
    const start = this.at;
    const end = start + (this.byteAt(start) + 1) * 4;
    this.checkCrc32(start, end - 4, 'block header');
    const flags = this.byteAt(start + 1);
    this.at = start + 2;
    if ((flags & 0x40) !== 0) this.readNumber();
    const unpackedBytes = (flags & 0x80) === 0 ? undefined : this.readNumber();
    let x86Offset: number | undefined;
    const filters = (flags & 3) + 1;
    for (let index = 0; index < filters; index++) {
      const filter = this.readNumber();
      const propertyBytes = this.readNumber();
      const isLast = index === filters - 1;
      if (filter === filterX86 && !isLast && x86Offset === undefined) {
        x86Offset = propertyBytes === 4 ? this.view.getUint32(this.at, true) : 0;
      } else if (filter !== filterLzma2 || !isLast) {
        throw new PackedDataError(`it uses the filter 0x${filter.toString(16)}`);
      }
      this.at += propertyBytes;
    }
    this.at = end;
    return { x86Offset, unpackedBytes };
  }

  /** Chunks until the one that ends the data. The first one resets dictionary, state and properties. */
  private unpackLzma2(blockStart: number): void {
    const { decoder } = this;
    let dictionaryStart = blockStart;
    let mayContinue = false;
    let hasProperties = false;
    for (;;) {
      const control = this.byteAt(this.at++);
      if (control === 0) return;
      const isPacked = control >= 0x80;
      if (!isPacked && control > 2) throw new PackedDataError('a chunk is of an unknown kind');
      if (control === 1 || control >= 0xe0) {
        dictionaryStart = decoder.length;
        mayContinue = true;
      }
      if (!mayContinue) throw new PackedDataError('its first chunk continues another');
      if (!isPacked) {
        decoder.append(this.take(this.be16() + 1));
        continue;
      }
      const unpackedBytes = ((control & 0x1f) << 16) + this.be16() + 1;
      const packedBytes = this.be16() + 1;
      if (control >= 0xc0) {
        decoder.setProperties(this.byteAt(this.at++));
        hasProperties = true;
      }
      if (!hasProperties) throw new PackedDataError('a chunk lacks its properties');
      if (control >= 0xa0) decoder.resetState();
      decoder.decode(this.take(packedBytes), unpackedBytes, dictionaryStart);
    }
  }

  private be16(): number {
    const value = (this.byteAt(this.at) << 8) | this.byteAt(this.at + 1);
    this.at += 2;
    return value;
  }

  private take(count: number): Uint8Array {
    this.byteAt(this.at + count - 1);
    this.at += count;
    return this.packed.subarray(this.at - count, this.at);
  }

  private skipPadding(from: number): void {
    while ((this.at - from) % 4 !== 0) {
      if (this.byteAt(this.at++) !== 0) throw new PackedDataError('its padding is not zero');
    }
  }

  private checkBlock(
    block: Uint8Array,
    { unpackedBytes }: BlockHeader,
    check: IntegrityCheck,
  ): void {
    if (unpackedBytes !== undefined && unpackedBytes !== block.length) {
      throw new PackedDataError('a block has another size than its header says');
    }
    if (check.bytes === 0) return;
    const stored = this.take(check.bytes);
    const made = check.of(block);
    if (stored.some((byte, index) => byte !== made[index])) {
      throw new PackedDataError('the checksum of its contents is wrong');
    }
  }

  /** The index repeats the sizes of the blocks; that it is whole is enough here. */
  private checkIndex(): void {
    const start = this.at++;
    const records = this.readNumber();
    for (let record = 0; record < records; record++) {
      this.readNumber();
      this.readNumber();
    }
    this.skipPadding(start);
    this.checkCrc32(start, this.at, 'index');
  }
}
