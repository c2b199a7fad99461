/** Unpacked bytes so far: fills up to a limit, and copies from what is there, as matches of LZ77 do. */
import { PackedDataError } from './packed-data-error';

/** From so many bytes on, the copying of the language's library is faster than a loop. */
const bulkBytes = 32;

export class OutputBuffer {
  /** Of the limit's size from the start: memory that nothing is written to costs the host nothing. */
  readonly bytes: Uint8Array;
  length = 0;

  /** @param limitBytes more than that is refused */
  constructor(private readonly limitBytes: number) {
    this.bytes = new Uint8Array(limitBytes);
  }

  /** Checks that there is room for so many bytes more. */
  reserve(count: number): void {
    if (this.length + count <= this.limitBytes) return;
    throw new PackedDataError(`it unpacks to more than ${this.limitBytes} bytes`);
  }

  append(data: Uint8Array): void {
    this.appendRange(data, 0, data.length);
  }

  /** Appends `count` bytes of `data`, which has them, from `from` on. */
  appendRange(data: Uint8Array, from: number, count: number): void {
    this.reserve(count);
    const { bytes, length } = this;
    if (count >= bulkBytes) bytes.set(data.subarray(from, from + count), length);
    else
      for (let index = 0; index < count; index++) bytes[length + index] = data[from + index] ?? 0;
    this.length = length + count;
  }

  /** Repeats `count` bytes from `distance` bytes back; they may overlap what is being written. */
  repeat(distance: number, count: number): void {
    this.reserve(count);
    const { bytes, length } = this;
    const from = length - distance;
    if (distance >= count && count >= bulkBytes) bytes.copyWithin(length, from, from + count);
    else
      for (let index = 0; index < count; index++) bytes[length + index] = bytes[from + index] ?? 0;
    this.length = length + count;
  }

  get result(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
