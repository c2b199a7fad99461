/** Unpacked bytes so far: grows up to a limit, and copies from what is there, as matches of LZ77 do. */
import { PackedDataError } from './packed-data-error';

const firstBytes = 1 << 20;

export class OutputBuffer {
  bytes: Uint8Array;
  length = 0;

  /** @param limitBytes more than that is refused */
  constructor(private readonly limitBytes: number) {
    this.bytes = new Uint8Array(Math.min(limitBytes, firstBytes));
  }

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (needed > this.limitBytes) {
      throw new PackedDataError(`it unpacks to more than ${this.limitBytes} bytes`);
    }
    const grown = new Uint8Array(Math.min(this.limitBytes, Math.max(needed, needed * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  append(data: Uint8Array): void {
    this.reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  /** Repeats `count` bytes from `distance` bytes back; they may overlap what is being written. */
  repeat(distance: number, count: number): void {
    this.reserve(count);
    const { bytes, length } = this;
    const from = length - distance;
    if (distance >= count) bytes.copyWithin(length, from, from + count);
    else
      for (let index = 0; index < count; index++) bytes[length + index] = bytes[from + index] ?? 0;
    this.length += count;
  }

  get result(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
