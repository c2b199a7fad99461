/** Which records of a ring are alike in what decides their text: very many are, and each sort is looked at once. */
import type { RingLog } from '../../support/ring-log';

/** Bytes of a record from `from` to before `to`, both multiples of 4. */
export type RecordRange = readonly [from: number, to: number];

const initialSlots = 1 << 10;
/** Sorts that are told apart; the table begins anew where there are more. */
const sortsMax = 1 << 16;
const prime = 0x0100_0193;

/** Numbers the sorts of records from 0. */
export class DistinctRecords {
  /** Words of a record that are compared, by their place in it. */
  private readonly words: Int32Array;
  /** The words of each sort, one sort behind the other. */
  private kept: Int32Array;
  /** Number of a sort and 1, by hash; 0 where there is none. */
  private slots = new Int32Array(initialSlots);
  /** Of each sort. */
  private readonly hashes: number[] = [];
  private begun = 0;

  constructor(ranges: readonly RecordRange[]) {
    this.words = Int32Array.from(
      ranges.flatMap(([from, to]) =>
        Array.from({ length: (to - from) >> 2 }, (_, index) => (from >> 2) + index),
      ),
    );
    this.kept = new Int32Array(this.words.length * 64);
  }

  /** Grows when the numbers of sorts are given to others. */
  get generation(): number {
    return this.begun;
  }

  /** Number of the sort of the record that begins at byte `at` of a ring; a new one has the next number. */
  sortOf({ words: ring }: RingLog, at: number): number {
    const { words } = this;
    const base = at >> 2;
    let hash = 0x811c_9dc5 | 0;
    for (let index = 0; index < words.length; index++) {
      hash = Math.imul(hash ^ (ring[base + (words[index] ?? 0)] ?? 0), prime);
      hash ^= hash >>> 15;
    }
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const sort = (this.slots[slot] ?? 0) - 1;
      if (sort < 0) return this.add(ring, base, hash);
      if (this.isSame(sort, ring, base)) return sort;
    }
  }

  private isSame(sort: number, ring: Int32Array, base: number): boolean {
    const { words, kept } = this;
    const start = sort * words.length;
    for (let index = 0; index < words.length; index++) {
      if (kept[start + index] !== ring[base + (words[index] ?? 0)]) return false;
    }
    return true;
  }

  private add(ring: Int32Array, base: number, hash: number): number {
    if (this.hashes.length >= sortsMax) this.beginAnew();
    const { words } = this;
    const start = this.hashes.length * words.length;
    if (start + words.length > this.kept.length) {
      const larger = new Int32Array(this.kept.length * 2);
      larger.set(this.kept);
      this.kept = larger;
    }
    words.forEach((word, index) => (this.kept[start + index] = ring[base + word] ?? 0));
    this.hashes.push(hash);
    if (this.hashes.length * 2 > this.slots.length) {
      this.slots = new Int32Array(this.slots.length * 2);
      this.hashes.forEach((each, sort) => this.place(each, sort));
    } else this.place(hash, this.hashes.length - 1);
    return this.hashes.length - 1;
  }

  private beginAnew(): void {
    this.hashes.length = 0;
    this.begun++;
    this.slots.fill(0);
  }

  private place(hash: number, sort: number): void {
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = sort + 1;
  }
}
