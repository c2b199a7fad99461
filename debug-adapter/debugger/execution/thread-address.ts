/** Which processor a thread is. */
import type { ProcessorAddress } from '../../system/run-types';
import type { DebuggedThread } from '../debugged-machine';

/** The processor of a thread. */
export function addressOf({ partition, processor }: DebuggedThread): ProcessorAddress {
  return { partition: partition.id, processor: processor.index };
}

/** A number for each processor. */
export function keyOf({ partition, processor }: ProcessorAddress): number {
  return partition * 65_536 + processor;
}
