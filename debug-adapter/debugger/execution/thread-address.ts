/** Which processor a thread is. */
import { present } from '../../support/assert';
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

/** The thread at an address; where none is there, another one of the partition, or of the machine. */
export function threadNear(
  threads: readonly DebuggedThread[],
  at: ProcessorAddress,
): DebuggedThread {
  const exact = threads.find((thread) => keyOf(addressOf(thread)) === keyOf(at));
  const near = exact ?? threads.find(({ partition }) => partition.id === at.partition);
  return present(near ?? threads[0], 'guest processor');
}
