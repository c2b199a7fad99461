/** Modelled costs in virtual time, beyond the nanosecond of each step: a model, not a measurement. */

/** All in nanoseconds of the lane that pays. */
export interface VirtualTimeCosts {
  /** A VM exit with the VM entry that ends it. */
  readonly exitNs: number;
  /** An intercept message to the parent and its answer. */
  readonly interceptRoundTripNs: number;
  /** The hypervisor's work on a hypercall. */
  readonly hypercallNs: number;
  /** A request of a disk, besides its data. */
  readonly diskRequestNs: number;
  /** Each KiB that a disk moves. */
  readonly diskKibibyteNs: number;
}

/** Orders of magnitude of present processors. */
export const defaultCosts: VirtualTimeCosts = {
  exitNs: 1_000,
  interceptRoundTripNs: 10_000,
  hypercallNs: 500,
  diskRequestNs: 60_000,
  diskKibibyteNs: 500,
};
