/** The contract of hypercall handlers. */
import type { GuestMemory } from '../../machine/guest-memory';
import type { Hypercall } from '../../spec/tlfs/hypercalls';
import type { Partition } from '../partition';
import type { VirtualProcessor } from '../virtual-processor';
import type { HypercallRegisters } from './calling-convention';

/** A guest that calls, and when. */
export interface HypercallCaller {
  readonly partition: Partition;
  readonly processor: VirtualProcessor;
  readonly timeNs: number;
}

/** A call whose control word and parameter blocks have been checked. */
export interface HypercallCall<Caller = HypercallCaller> {
  readonly caller: Caller;
  /** The fixed input header. */
  readonly header: Uint8Array;
  /** What follows it: the variable header, empty where the call has none. */
  readonly variableHeader: Uint8Array;
  /** What goes back to the caller: the whole output of a simple call, zeroed. */
  readonly output: Uint8Array;
}

/** One element of a rep call. */
export interface RepElement {
  /** Counted from 0. */
  readonly index: number;
  readonly input: Uint8Array;
  /** Zeroed; written back where the element succeeds. */
  readonly output: Uint8Array;
}

/** A simple call: one status for all of it. */
export interface SimpleHypercallHandler<Caller = HypercallCaller> {
  readonly kind: 'simple';
  run(call: HypercallCall<Caller>): number;
}

/** A rep call: checked once, then run for each element until one fails. */
export interface RepHypercallHandler<Caller = HypercallCaller> {
  readonly kind: 'rep';
  /** Status of the header; only success runs elements. */
  begin(call: HypercallCall<Caller>): number;
  runElement(call: HypercallCall<Caller>, element: RepElement): number;
}

export type HypercallHandler<Caller = HypercallCaller> =
  SimpleHypercallHandler<Caller> | RepHypercallHandler<Caller>;

/** Who can call: what differs between guests and the parent of guests. */
export interface CallerKind<Caller> {
  /** The calls that are there for it, by code. */
  readonly handlers: ReadonlyMap<number, HypercallHandler<Caller>>;
  /** Memory in which its parameter blocks lie. */
  memoryOf(caller: Caller): GuestMemory;
  mayCall(caller: Caller, call: Hypercall): boolean;
  /** The input of a fast call; undefined where the caller has no registers for it. */
  readFastInput(
    caller: Caller,
    registers: HypercallRegisters,
    sizeBytes: number,
  ): Uint8Array | undefined;
}

/** What the dispatcher has read and will write, for the trace. */
export interface HypercallBlocks {
  /** Empty where the call was refused before its input was read. */
  input: Uint8Array;
  output: Uint8Array;
}
