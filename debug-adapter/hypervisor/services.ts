/** What the hypervisor needs from the machine while it handles an exit. */
import type { InterceptSink } from '../machine/intercepts';
import type { PartitionTime } from '../machine/partition-time';
import type { TimerSource } from '../machine/timer-queue';
import type { TraceEmitter } from '../machine/trace';
import type { VirtualProcessor } from './virtual-processor';

/** Work that costs virtual time beyond the exit itself. */
export type ChargedWork = 'hypercall' | 'intercept';

/** Implemented by the machine; none of it may re-enter the hypervisor. */
export interface HypervisorServices {
  readonly trace: TraceEmitter;
  readonly intercepts: InterceptSink;
  readonly timers: TimerSource;

  /** Virtual time in nanoseconds: of the lane whose exit is handled, else of the timer that is due, else the latest. */
  timeNs(): number;

  /** Gives a processor that has become runnable its turns, from {@link timeNs} on at the earliest. */
  wake(processor: VirtualProcessor): void;

  /** A partition goes on that has stood still: its processors stand where they stood in its own time. */
  resume(partition: number, missedNs: number): void;

  /** Ends the turn of a processor in favour of those that wait for a logical processor. */
  yieldTurn(processor: VirtualProcessor): void;

  /** Adds the modelled cost of `work` to the lane whose exit is handled; without one nobody pays. */
  charge(work: ChargedWork): void;
}

/** The services of the machine as a partition sees them, whose clocks may be behind the machine's. */
export function servicesInTime(
  machine: HypervisorServices,
  time: PartitionTime,
): HypervisorServices {
  return {
    trace: machine.trace,
    get intercepts() {
      return machine.intercepts;
    },
    timers: time,
    timeNs: () => time.nowNs(),
    wake: (processor) => machine.wake(processor),
    resume: (partition, missedNs) => machine.resume(partition, missedNs),
    yieldTurn: (processor) => machine.yieldTurn(processor),
    charge: (work) => machine.charge(work),
  };
}

/** Frequency of the time-stamp counter and of every other clock: virtual time in nanoseconds. */
export const timeStampCounterHz = 1_000_000_000n;
