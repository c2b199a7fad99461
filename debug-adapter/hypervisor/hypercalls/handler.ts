/** The contract of hypercall handlers. */
import type { Partition } from '../partition';
import type { VirtualProcessor } from '../virtual-processor';

/** Who calls, and when. */
export interface HypercallCaller {
  readonly partition: Partition;
  readonly processor: VirtualProcessor;
  readonly timeNs: number;
}

/** A call whose control word and parameter blocks have been checked. */
export interface HypercallCall {
  readonly caller: HypercallCaller;
  /** The fixed input header. */
  readonly header: Uint8Array;
  /** What follows it: the variable header, empty where the call has none. */
  readonly variableHeader: Uint8Array;
  /** What goes back to the caller: the whole output of a simple call, zeroed. */
  readonly output: Uint8Array;
}

/** One element of a rep call. */
export interface RepElement {
  readonly input: Uint8Array;
  /** Zeroed; written back where the element succeeds. */
  readonly output: Uint8Array;
}

/** A simple call: one status for all of it. */
export interface SimpleHypercallHandler {
  readonly kind: 'simple';
  run(call: HypercallCall): number;
}

/** A rep call: checked once, then run for each element until one fails. */
export interface RepHypercallHandler {
  readonly kind: 'rep';
  /** Status of the header; only success runs elements. */
  begin(call: HypercallCall): number;
  runElement(call: HypercallCall, element: RepElement): number;
}

export type HypercallHandler = SimpleHypercallHandler | RepHypercallHandler;
