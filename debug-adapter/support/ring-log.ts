/** A bounded log of equally sized binary records: the oldest give way to the newest, and are counted. */
import { assert } from './assert';

const initialRecords = 64;
/** A log of such a size has its memory at once: what is not written to costs the host nothing, unlike growing. */
const wholeBytes = 16 * 1024 * 1024;

function wordsOf({ buffer }: Uint8Array): Int32Array {
  return new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
}

/** Records are numbered from 0 in the order of appending; a number stays with its record. */
export class RingLog {
  private bytes: Uint8Array;
  private whole: DataView;
  private wholeWords: Int32Array;
  private appended = 0;
  /** Records that have given way to others. */
  private overwritten = 0;
  /** Records that there is memory for. */
  private allocated = 0;

  constructor(
    private readonly recordBytes: number,
    private readonly capacity: number,
  ) {
    assert(recordBytes > 0 && capacity > 0, 'a ring log has room');
    this.bytes = new Uint8Array(0);
    this.whole = new DataView(this.bytes.buffer);
    this.wholeWords = wordsOf(this.bytes);
  }

  /** Records appended since the log was made or cleared. */
  get recorded(): number {
    return this.appended;
  }

  /** Records no longer kept; also the number of the oldest record that is. */
  get dropped(): number {
    return this.overwritten;
  }

  /** Room for the next record, zeroed, to be filled at once. */
  append(): Uint8Array {
    const at = this.reserve();
    return this.bytes.subarray(at, at + this.recordBytes).fill(0);
  }

  /** Room for the next record, to be filled at once and whole: where it begins in {@link view}. */
  reserve(): number {
    if (this.appended >= this.allocated && this.allocated < this.capacity) this.grow();
    const at = (this.appended % this.capacity) * this.recordBytes;
    this.appended++;
    this.overwritten = Math.max(this.overwritten, this.appended - this.capacity);
    return at;
  }

  /** All records; another one after the next append. */
  get view(): DataView {
    return this.whole;
  }

  /** The same bytes one by one. */
  get allBytes(): Uint8Array {
    return this.bytes;
  }

  /** The same bytes in words of the host's order, to copy what has it too. */
  get words(): Int32Array {
    return this.wholeWords;
  }

  /** A view of record `index`, valid until the next append; undefined where it is not kept. */
  at(index: number): Uint8Array | undefined {
    const at = this.placeOf(index);
    if (at === undefined) return undefined;
    return this.bytes.subarray(at, at + this.recordBytes);
  }

  /** Where record `index` begins in {@link view}, until the next append; undefined where it is not kept. */
  placeOf(index: number): number | undefined {
    if (index < this.dropped || index >= this.appended) return undefined;
    return (index % this.capacity) * this.recordBytes;
  }

  /** Lets the oldest record give way before its time. */
  dropOldest(): void {
    assert(this.overwritten < this.appended, 'there is a record');
    this.overwritten++;
  }

  /** Forgets the records from number `count` on; the next one appended gets that number. */
  truncate(count: number): void {
    this.appended = Math.min(this.appended, count);
    this.overwritten = Math.min(this.overwritten, this.appended);
  }

  clear(): void {
    this.truncate(0);
  }

  /** Memory comes with the first record; in a large log it grows by doubling, so that a short session stays small. */
  private grow(): void {
    const isWhole = this.capacity * this.recordBytes <= wholeBytes;
    const wanted = isWhole ? this.capacity : Math.max(this.allocated * 2, initialRecords);
    this.allocated = Math.min(wanted, this.capacity);
    const larger = new Uint8Array(this.allocated * this.recordBytes);
    larger.set(this.bytes);
    this.bytes = larger;
    this.whole = new DataView(larger.buffer);
    this.wholeWords = wordsOf(larger);
  }
}
