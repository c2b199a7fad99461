/** Bodies of the requests and of the event of the VMCS inspector. */

/** Whose VMCS, at which moment, and what it is compared with. */
export interface VmcsArguments {
  readonly threadId: number;
  /** Identity of an exit, before it is handled; the present where it is absent. */
  readonly exit?: string;
  /** `last-stop`, `previous-exit`, or the identity of an exit; `last-stop` where it is absent. */
  readonly comparedWith?: string;
}

/** Has the VMCS of the processor that stops sent with each stop. */
export interface FollowVmcsArguments {
  /** As in `VmcsArguments`; absent: no longer. */
  readonly comparedWith?: string;
}

/**
 * The VMCS at a stop. There is none where what it is compared with would have to be visited first: whoever wants it
 * asks.
 */
export interface VmcsStopBody {
  /** The processor that has stopped. */
  readonly threadId: number;
  readonly comparedWith: string;
  readonly vmcs: VmcsBody;
}

/** A VMCS in its four groups. */
export interface VmcsBody {
  /** Name of the virtual processor, as `threads` has it. */
  readonly thread: string;
  readonly partition: number;
  readonly processor: number;
  readonly position: number;
  /** What moment it is, in words. */
  readonly moment: string;
  /** What it is compared with, in words; empty where there is nothing to compare with. */
  readonly comparedWith: string;
  /** How VM entry would fail, with exit reason 33 or VM-instruction error 7, and why; empty where it would not. */
  readonly entryProblem: string;
  readonly groups: readonly VmcsGroupInfo[];
}

/** Exit information, guest state, controls or host state. */
export interface VmcsGroupInfo {
  readonly name: string;
  readonly fields: readonly VmcsFieldInfo[];
}

/** One field; values are `0x…` texts. */
export interface VmcsFieldInfo {
  readonly encoding: number;
  readonly name: string;
  readonly widthBits: number;
  readonly value: string;
  /** What the value means; empty where the number says it all. */
  readonly text: string;
  /** Document and section, and what the section is called. */
  readonly section: string;
  readonly sectionTitle: string;
  readonly isEditable: boolean;
  readonly bits: readonly VmcsBitsInfo[];
  /** Absent where the value is the same in what it is compared with, or nothing is known. */
  readonly before?: { readonly value: string; readonly text: string };
}

/** Named bits of a field. */
export interface VmcsBitsInfo {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly value: string;
  readonly meaning: string;
}

/** Sets a field of the guest state or the controls, as a recorded input. */
export interface SetVmcsFieldArguments {
  readonly threadId: number;
  /** Name of the field. */
  readonly field: string;
  /** An expression of the debugger. */
  readonly value: string;
}
