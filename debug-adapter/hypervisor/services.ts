/** What the hypervisor needs from the machine while it handles an exit. */
import type { InterceptSink } from '../machine/intercepts';
import type { TraceEmitter } from '../machine/trace';

/** Work that costs virtual time beyond the exit itself. */
export type ChargedWork = 'hypercall' | 'intercept';

/** Implemented by the machine; none of it may re-enter the hypervisor. */
export interface HypervisorServices {
  readonly trace: TraceEmitter;
  readonly intercepts: InterceptSink;

  /** Virtual time of the lane whose exit is being handled, in nanoseconds. */
  timeNs(): number;

  /** Adds the modelled cost of `work` to that lane. */
  charge(work: ChargedWork): void;
}

/** Frequency of the time-stamp counter and of every other clock: virtual time in nanoseconds. */
export const timeStampCounterHz = 1_000_000_000n;
