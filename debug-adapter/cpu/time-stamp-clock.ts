/** What generated code needs to read the time stamp counter by itself (decision 33), and what it has read. */
import type { PartitionClock } from '../machine/partition-clock';
import { runOffsets } from './memory-map';
import type { ProcessorContext } from './processor-context';

export class TimeStampClock {
  constructor(
    private readonly context: ProcessorContext,
    private readonly clock: PartitionClock,
  ) {}

  /** Generated code is about to run, for at most so many steps that the lane's time is `endNs` then. */
  begin(endNs: number): void {
    this.context.setRunCount(runOffsets.clockAtEnd, endNs);
    this.context.setRunCount(runOffsets.clockRead, this.clock.latestNs);
  }

  /** Takes over the last moment that generated code has read. */
  end(): void {
    this.clock.latestNs = this.context.runCount(runOffsets.clockRead);
  }

  /** The moment that a routine sees which generated code has called at `nowNs` of the lane. */
  read(nowNs: number): number {
    this.end();
    const seen = this.clock.read(nowNs);
    this.context.setRunCount(runOffsets.clockRead, seen);
    return seen;
  }
}
