/** Hand-made paging structures for one linear page, level by level, for tests of page walks. */
import type { BareProcessor } from './bare-processor';

/** Bits of a paging-structure entry (SDM vol. 3, tables 4-15 to 4-20). */
export const entryBits = {
  present: 1n,
  writable: 2n,
  user: 4n,
  accessed: 0x20n,
  dirty: 0x40n,
  large: 0x80n,
  noExecute: 1n << 63n,
} as const;

const { present, writable, user, large } = entryBits;

/** Index of the leaf's level: PDPTE of 1 GiB, PDE of 2 MiB, PTE of 4 KiB. */
export type LeafLevel = 1 | 2 | 3;

const tables = [0x80_000, 0x81_000, 0x82_000, 0x83_000] as const;

/** Where CR3 points with these structures. */
export const tableRoot = tables[0];

export class LinearPage {
  constructor(
    private readonly processor: BareProcessor,
    readonly linear: bigint,
    readonly leaf: LeafLevel,
  ) {}

  /** Writes the entries from the root to the leaf; rights are those of every level. */
  map(gpa: bigint, bits: bigint = present | writable | user): void {
    for (let level = 0; level < this.leaf; level++) {
      this.write(level, BigInt(tables[level + 1] ?? 0) | bits);
    }
    this.write(this.leaf, gpa | bits | (this.leaf === 3 ? 0n : large));
  }

  entryAddress(level: number): number {
    const shift = BigInt(39 - level * 9);
    return (tables[level] ?? 0) + Number((this.linear >> shift) & 0x1ffn) * 8;
  }

  read(level: number): bigint {
    return this.processor.readU64(this.entryAddress(level));
  }

  write(level: number, entry: bigint): void {
    this.processor.writeU64(this.entryAddress(level), entry);
  }

  set(level: number, bits: bigint): void {
    this.write(level, this.read(level) | bits);
  }

  clear(level: number, bits: bigint): void {
    this.write(level, this.read(level) & ~bits);
  }
}
