/** Unpacked bytes so far, up to a limit. */
import { PackedDataError } from './packed-data-error';

export class OutputBuffer {
  /** Of the limit's size from the start: memory that nothing is written to costs the host nothing. */
  private readonly bytes: Uint8Array;
  private length = 0;

  /** @param limitBytes more than that is refused */
  constructor(private readonly limitBytes: number) {
    this.bytes = new Uint8Array(limitBytes);
  }

  append(data: Uint8Array): void {
    if (this.length + data.length > this.limitBytes) {
      throw new PackedDataError(`it unpacks to more than ${this.limitBytes} bytes`);
    }
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  get result(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
