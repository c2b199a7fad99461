/** The exit from which something came: what a guest does to the hypervisor, it does by one. */
import type { TraceHeader, VmExitEvent } from '../../machine/trace';
import type { TraceStream } from '../../system/trace-stream';

/** The last kept exit up to a place in the order of events; undefined where that is of another partition, or not kept. */
export function lastExitBefore(
  exits: TraceStream<VmExitEvent>,
  { position, ordinal, partition }: Pick<TraceHeader, 'position' | 'ordinal' | 'partition'>,
): VmExitEvent | undefined {
  const exit = exits.at(exits.firstFrom(position, ordinal + 1) - 1);
  return exit?.partition === partition ? exit : undefined;
}
