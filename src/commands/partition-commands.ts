/** Commands that stop one partition while others go on, and let it go on again. */
import { customRequest, type PartitionInfo } from '../../debug-adapter/protocol/custom-requests';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import { showError } from '../debug/show-error';

/** What a menu of the Partitions view is on. */
export interface PartitionTarget {
  readonly partition: Pick<PartitionInfo, 'id' | 'name'>;
}

/** @returns once the machine has it as an input; the reason of a refusal is shown */
export async function setPartitionPaused(
  sessions: HyperscopeSessions,
  { partition }: PartitionTarget,
  isPaused: boolean,
): Promise<void> {
  const { live } = sessions;
  if (live === undefined) return;
  try {
    const args = { partition: partition.id, isPaused };
    await requestFromAdapter(live.session, customRequest.pausePartition, args);
  } catch (error) {
    showError(error);
  }
}
