/** What the debugger needs of the machine; `system/physical-machine.ts` is one such machine. */
import type { GuestMemory } from '../machine/guest-memory';
import type { HostInput } from '../machine/host-input';
import type { InspectedPart } from '../machine/inspect';
import type { ProcessorCore } from '../machine/processor';
import type { VmExitEvent } from '../machine/trace';
import type { RunOutcome, RunRequest } from '../system/run-types';
import type { TraceLog } from '../system/trace-log';

/** A virtual processor. */
export interface DebuggedProcessor {
  readonly index: number;
  readonly core: ProcessorCore;
  readonly exits: number;
  readonly retired: number;
  readonly runState: 'active' | 'halted' | 'suspended' | 'shutdown';
  /** The exit that the hypervisor has not handled yet. */
  readonly pendingExit: VmExitEvent | undefined;
  /** What VM entry would refuse in the present guest state and controls, in words. */
  readonly entryProblem: string | undefined;
}

/** A guest partition. */
export interface DebuggedPartition {
  readonly id: number;
  readonly name: string;
  readonly memory: GuestMemory;
  readonly memoryBytes: number;
  readonly processors: readonly DebuggedProcessor[];
  /** HV_X64_MSR_GUEST_OS_ID; 0 until the guest has said who it is. */
  readonly guestOsId: bigint;
  /** Its parent has suspended it. */
  readonly isSuspended: boolean;
  /** It was taken apart; it may be made again. */
  readonly isDeleted: boolean;
  /** How it ended; undefined while it runs. */
  readonly end: GuestEnd | undefined;
}

/** The end of a guest at its own request, or by its parent. */
export type GuestEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'finalized' };

/** The machine. */
export interface DebuggedMachine {
  readonly position: number;
  readonly timeNs: number;
  readonly guests: readonly DebuggedPartition[];
  /** The work of the parent partition is stopped. */
  readonly isParentPaused: boolean;
  readonly trace: TraceLog;
  run(request: RunRequest): RunOutcome;
  /** Records an input and applies it. @throws UserError where the input is impossible */
  accept(input: HostInput): void;
  /** Value that RDMSR would give a guest now, without side effects; undefined where it would raise #GP. */
  readMsr(partition: number, processor: number, number: number): bigint | undefined;
  /** Local APIC and SynIC of a processor, without side effects. */
  inspectProcessor(partition: number, processor: number): readonly InspectedPart[];
  /** The devices of a guest, without side effects. */
  inspectDevices(partition: number): readonly InspectedPart[];
  /** Hash of the whole state. */
  stateHash(): string;
}

/** A processor together with its partition: what the front end calls a thread. */
export interface DebuggedThread {
  readonly partition: DebuggedPartition;
  readonly processor: DebuggedProcessor;
  /** Value that RDMSR would give the thread now; undefined where it would raise #GP. */
  readonly readMsr: (number: number) => bigint | undefined;
}

/** Every guest processor of a machine. */
export function threadsOf(machine: DebuggedMachine): readonly DebuggedThread[] {
  return machine.guests.flatMap((partition) =>
    partition.processors.map((processor) => ({
      partition,
      processor,
      readMsr: (number: number) => machine.readMsr(partition.id, processor.index, number),
    })),
  );
}

/** True where some guest other than `partition` can still run. */
export function othersGoOn(
  { guests }: Pick<DebuggedMachine, 'guests'>,
  partition: number,
): boolean {
  return guests.some(
    ({ id, end, processors }) =>
      id !== partition &&
      end === undefined &&
      processors.some(({ runState }) => runState !== 'shutdown'),
  );
}

/** The exit code of all guests together: the first that says of a failure, in their order. */
export function exitCodeOf({ guests }: Pick<DebuggedMachine, 'guests'>): number {
  const codes = guests.map(({ end }) => (end?.kind === 'exit' ? end.code : 0));
  return codes.find((code) => code !== 0) ?? 0;
}

/** DAP thread id: a pure function of partition, processor and VTL, so it survives restarts. */
export function threadIdOf(partition: number, processor: number, vtl = 0): number {
  return partition * 256 + processor * 2 + vtl + 1;
}

/** Partition of a DAP thread id. */
export function partitionOfThread(threadId: number): number {
  return Math.floor((threadId - 1) / 256);
}
