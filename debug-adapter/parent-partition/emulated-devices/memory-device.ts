/** The contract of chips that are reached through guest-physical memory. */

/** What sits behind a range of guest-physical addresses; `offset` counts from its start. */
export interface MemoryDevice {
  readonly name: string;

  /** What a read of 1 to 16 bytes finds, zero-extended. */
  read(offset: number, sizeBytes: number): bigint;

  /** A write of 1 to 16 bytes; `value` has no bits beyond them. */
  write(offset: number, sizeBytes: number, value: bigint): void;
}
