/** What the physical machine is asked to run, and why it stopped. */
import type { TraceEvent, VmExitEvent } from '../machine/trace';
import type { Delivery, EventPlace, TraceInterest } from './observed-events';

/** Limits and observers of one call of `PhysicalMachine.run`. */
export interface RunRequest {
  /** Steps to take at most; the call may return earlier only with a reason other than `budget`. */
  readonly maxSteps: number;
  /**
   * Virtual moment behind which nothing may happen in this call: `time` is the reason to stop where the next thing
   * would. For pacing; results do not depend on it.
   */
  readonly maxTimeNs?: number;
  /** Asked after a VM exit is recorded and before it is handled; true stops there. */
  readonly stopAtExit?: (exit: VmExitEvent) => boolean;
  /** Stops after an event was delivered through a guest's IDT for which this says true. */
  readonly stopAtEvent?: (delivery: Delivery, at: ProcessorAddress, place: EventPlace) => boolean;
  /** Stops after the step in which something else happened that is waited for. */
  readonly stopAtTrace?: TraceInterest;
}

/** Which virtual processor a stop is about. */
export interface ProcessorAddress {
  readonly partition: number;
  readonly processor: number;
}

/** Why the machine stopped. Those that no observer asked for end in a message for the person. */
export type RunStop =
  | { readonly kind: 'budget' }
  /** `nextNs` is the moment at which the next thing happens. */
  | { readonly kind: 'time'; readonly nextNs: number }
  | { readonly kind: 'breakpoint'; readonly at: ProcessorAddress; readonly address: bigint }
  | { readonly kind: 'exit'; readonly at: ProcessorAddress; readonly exit: VmExitEvent }
  | { readonly kind: 'event'; readonly at: ProcessorAddress; readonly vector: number }
  /** The step is done in which `event` happened; of several, the first one that was wanted. */
  | { readonly kind: 'trace'; readonly at: ProcessorAddress; readonly event: TraceEvent }
  | {
      readonly kind: 'unimplemented';
      readonly at: ProcessorAddress;
      readonly bytes: Uint8Array;
      readonly text: string;
    }
  | { readonly kind: 'triple-fault'; readonly at: ProcessorAddress }
  /** An exit that nothing in this machine can answer, such as an access to a page that is not there. */
  | {
      readonly kind: 'unhandled-exit';
      readonly at: ProcessorAddress;
      readonly exit: VmExitEvent;
      readonly message: string;
    }
  /** An access to a page that the parent has mapped without the right to it; it is repeated. */
  | {
      readonly kind: 'access-refused';
      readonly at: ProcessorAddress;
      readonly gpaPage: number;
      readonly message: string;
    }
  /** VM entry failed with VM-instruction error 7: a control of the VMCS is not as it must be. */
  | { readonly kind: 'entry-failed'; readonly at: ProcessorAddress; readonly problem: string }
  /** Every processor waits and nothing is scheduled that could wake one. */
  | { readonly kind: 'halted'; readonly at: ProcessorAddress }
  /** Every processor that could run waits for a parent partition that is paused. */
  | { readonly kind: 'parent-paused'; readonly at: ProcessorAddress }
  /** Every processor that could run is of a partition that its parent has suspended. */
  | { readonly kind: 'guest-paused'; readonly at: ProcessorAddress }
  /** Steps were taken but no instruction has retired for a long time: a fault or exit loop. */
  | { readonly kind: 'no-progress'; readonly at: ProcessorAddress; readonly steps: number }
  | { readonly kind: 'frames-exhausted'; readonly at: ProcessorAddress }
  /** A write of the guest failed: as much is kept of what was written to the disk as can be. It can go on. */
  | { readonly kind: 'disk-full'; readonly at: ProcessorAddress; readonly path: string }
  /** The guest reported that it has crashed (TLFS, HV_X64_MSR_CRASH_CTL); it can go on. */
  | {
      readonly kind: 'guest-crash';
      readonly at: ProcessorAddress;
      readonly parameters: readonly bigint[];
      readonly message: string;
    }
  /** The guest asked to end, with its exit code. */
  | { readonly kind: 'guest-exit'; readonly at: ProcessorAddress; readonly code: number }
  /** The platform of the guest was reset, and it was configured to end there. */
  | { readonly kind: 'guest-reset'; readonly at: ProcessorAddress }
  /** The parent of the guest has deleted its partition. */
  | { readonly kind: 'guest-deleted'; readonly at: ProcessorAddress }
  /** The platform of the guest was reset, and it has started again. */
  | { readonly kind: 'guest-restart'; readonly at: ProcessorAddress };

/** Outcome of one call of `PhysicalMachine.run`. */
export interface RunOutcome {
  readonly stop: RunStop;
  readonly steps: number;
}
