/** Reads little-endian values in order; past the end it yields zeros and remembers that it did. */
import { decodeUtf8 } from '../../support/utf8';

/** A cursor over bytes that may be hostile: no read throws. */
export class ByteReader {
  private readonly view: DataView;
  private cursor: number;
  private ranOut = false;

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
    readonly end = bytes.length,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.cursor = start;
  }

  get position(): number {
    return this.cursor;
  }

  /** True once a read went past the end. */
  get exhausted(): boolean {
    return this.ranOut;
  }

  get atEnd(): boolean {
    return this.cursor >= this.end || this.ranOut;
  }

  seek(position: number): void {
    this.cursor = position;
  }

  skip(count: number): void {
    this.take(count);
  }

  u8(): number {
    const at = this.take(1);
    return at < 0 ? 0 : this.view.getUint8(at);
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    const at = this.take(2);
    return at < 0 ? 0 : this.view.getUint16(at, true);
  }

  u32(): number {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getUint32(at, true);
  }

  u64(): bigint {
    const at = this.take(8);
    return at < 0 ? 0n : this.view.getBigUint64(at, true);
  }

  /** Unsigned LEB128, as a number; bits above 2^53 are lost. */
  uleb(): number {
    let result = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      result += (byte & 0x7f) * scale;
      scale *= 128;
      if ((byte & 0x80) === 0) break;
    }
    return result;
  }

  /** Signed LEB128. */
  sleb(): number {
    let result = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      result += (byte & 0x7f) * scale;
      scale *= 128;
      if ((byte & 0x80) === 0) return (byte & 0x40) === 0 ? result : result - scale;
    }
    return result;
  }

  /** Zero-terminated UTF-8 text. */
  text(): string {
    if (this.cursor < 0 || this.cursor >= this.end) {
      this.ranOut = true;
      return '';
    }
    const zero = this.bytes.indexOf(0, this.cursor);
    const stop = zero < 0 || zero > this.end ? this.end : zero;
    const result = decodeUtf8(this.bytes.subarray(this.cursor, stop));
    this.cursor = stop + 1;
    return result;
  }

  private take(count: number): number {
    const at = this.cursor;
    if (!(at >= 0 && count >= 0 && at + count <= this.end)) {
      this.ranOut = true;
      this.cursor = this.end;
      return -1;
    }
    this.cursor += count;
    return at;
  }
}
