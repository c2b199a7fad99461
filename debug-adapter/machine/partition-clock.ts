/** Keeps what a guest reads from its clocks from running backwards between its processors. */

/**
 * The lanes of a partition are at slightly different moments; whoever reads a clock sees the later of its own moment
 * and the last one that any processor of the partition has read.
 */
export class PartitionClock {
  private lastReadNs = 0;

  /** The moment that a guest's read at `timeNs` of its lane sees. */
  read(timeNs: number): number {
    if (timeNs > this.lastReadNs) this.lastReadNs = timeNs;
    return this.lastReadNs;
  }

  /** The last moment that was read; part of the partition's state. */
  get latestNs(): number {
    return this.lastReadNs;
  }

  set latestNs(value: number) {
    this.lastReadNs = value;
  }
}
