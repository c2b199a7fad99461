/** A bounded log of byte strings of any length: the oldest give way to the newest. */
import { assert } from './assert';

const initialBytes = 16 * 1024;

/**
 * Byte strings are known by their places: where they begin in the stream of all that was appended. Each lies in one
 * piece, so that it can be looked at without a copy.
 */
export class ByteLog {
  private bytes: Uint8Array;
  private endPlace = 0;

  /** @param capacity bytes that are kept */
  constructor(private readonly capacity: number) {
    assert(capacity > 0, 'a byte log has room');
    this.bytes = new Uint8Array(Math.min(initialBytes, capacity));
  }

  /**
   * @param source no longer than the capacity
   * @returns its place
   */
  append(source: Uint8Array): number {
    const { capacity } = this;
    assert(source.length <= capacity, 'the bytes fit into the log');
    const room = capacity - (this.endPlace % capacity);
    const place = source.length <= room ? this.endPlace : this.endPlace + room;
    const at = this.offsetOf(place);
    this.grow(at + source.length);
    this.bytes.set(source, at);
    this.endPlace = place + source.length;
    return place;
  }

  /** What was appended at places before this one has given way to others. */
  get firstPlace(): number {
    return Math.max(0, this.endPlace - this.capacity);
  }

  /** All kept bytes; others after the next append. */
  get allBytes(): Uint8Array {
    return this.bytes;
  }

  /** Where in {@link allBytes} the byte string at a place begins. */
  offsetOf(place: number): number {
    return place % this.capacity;
  }

  /** Forgets what was appended at `place` and behind it; what had given way before does not come back. */
  truncate(place: number): void {
    this.endPlace = Math.min(this.endPlace, place);
  }

  /** Memory grows by doubling up to the capacity, so that a short session stays small. */
  private grow(needed: number): void {
    if (needed <= this.bytes.length) return;
    let size = this.bytes.length;
    while (size < needed) size *= 2;
    const larger = new Uint8Array(Math.min(size, this.capacity));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
