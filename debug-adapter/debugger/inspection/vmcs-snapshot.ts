/** The VMCS of one processor at one moment, kept for comparison. */
import { vmcsFields } from '../../spec/x86/vmcs-fields';
import type { DebuggedThread } from '../debugged-machine';

/** Values and what is needed to put them into words. */
export interface VmcsSnapshot {
  readonly partition: number;
  readonly processor: number;
  readonly position: number;
  /** In the order of the table of fields. */
  readonly values: readonly bigint[];
  /** Exits so far; the last of them may still wait to be handled. */
  readonly exits: number;
  readonly isExitPending: boolean;
  /** What VM entry would refuse now, in words; empty where it would succeed. */
  readonly entryProblem: string;
}

/** Keeps the VMCS of a thread as it is now. */
export function takeVmcsSnapshot(
  { partition, processor }: DebuggedThread,
  position: number,
): VmcsSnapshot {
  const { state } = processor.core;
  return {
    partition: partition.id,
    processor: processor.index,
    position,
    values: vmcsFields.map(({ encoding }) => state.vmcs(encoding)),
    exits: processor.exits,
    isExitPending: processor.pendingExit !== undefined,
    entryProblem: processor.entryProblem ?? '',
  };
}
