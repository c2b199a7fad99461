/** The contract between a processor core and those who run it: hypervisor, system, debugger. */
import type { GuestPhysicalAddress, GuestVirtualAddress } from './addresses';
import type { LinearAddressBits } from '../spec/x86/address-widths';
import type { ProcessorState } from './processor-state';

/** Why {@link ProcessorCore.run} returned. */
export type ProcessorStop =
  /** The budget is used up; nothing happened. */
  | { readonly kind: 'budget' }
  /** A VM exit: `exitPending` is set and the VMCS exit information is filled. Counted as one step. */
  | { readonly kind: 'vm-exit' }
  /** An event was delivered through the guest's IDT. Counted as one step; RIP is the handler's. */
  | {
      readonly kind: 'event';
      readonly vector: number;
      readonly errorCode: number | undefined;
      /** RIP that delivery pushed on the handler's stack. */
      readonly returnRip: bigint;
      /** VM entry injected it (SDM vol. 3, 27.6); otherwise the guest has raised it, also where an injected one met it. */
      readonly isInjected: boolean;
    }
  /** The processor is about to execute an instruction that has a breakpoint. No step was taken for it. */
  | { readonly kind: 'breakpoint' }
  /** HLT without HLT exiting, or another wait: the activity state is not "active". */
  | { readonly kind: 'inactive' }
  /** The instruction at RIP is legal but not built yet. No effect, no step. */
  | { readonly kind: 'unimplemented'; readonly bytes: Uint8Array; readonly text: string }
  /** A first touch found no free frame. No effect, no step. */
  | { readonly kind: 'frames-exhausted' };

/** What one call of {@link ProcessorCore.run} did. */
export interface ProcessorRun {
  readonly stop: ProcessorStop;
  /** Steps taken: retired instructions, REP iterations, delivered events and VM exits. */
  readonly steps: number;
}

/** Kind of access of a translation. */
export type AccessKind = 'read' | 'write' | 'execute';

/** Outcome of walking the paging structures without side effects. */
export type Translation =
  | { readonly kind: 'mapped'; readonly gpa: GuestPhysicalAddress }
  | { readonly kind: 'fault'; readonly errorCode: number }
  | { readonly kind: 'noncanonical' };

/** Why an access on the guest's behalf did not happen. */
export type SystemAccessFailure =
  /** The exception that the guest has earned. */
  | {
      readonly kind: 'fault';
      readonly vector: number;
      readonly errorCode: number;
      /** What CR2 gets, of a page fault. */
      readonly address: GuestVirtualAddress | undefined;
    }
  /** The second-level map refuses the page, or no frame is left for it. */
  | { readonly kind: 'refused' };

/** One level of a page walk, for display. */
export interface PageWalkLevel {
  /** Name of the structure as the SDM spells it: PML5E, PML4E, PDPTE, PDE, PTE. */
  readonly name: string;
  readonly entryAddress: GuestPhysicalAddress;
  readonly entry: bigint;
}

/** A virtual processor's instruction engine, running in VMX non-root operation under its VMCS. */
export interface ProcessorCore {
  readonly state: ProcessorState;

  /** Bits of the linear addresses that it supports: 57 where software may turn 5-level paging on. */
  readonly linearAddressBits: LinearAddressBits;

  /**
   * Runs until something needs the caller, at most `budget` steps (1 to 2^31-1). Delivers a valid
   * VM_ENTRY_INTR_INFO_FIELD first. The caller must have handled a pending exit before.
   * @param timeNs the lane's virtual time at the first step; grows by one for each step
   */
  run(budget: number, timeNs: number): ProcessorRun;

  /** Moment at which a halted processor exits by its preemption timer; Infinity where it does not. */
  readonly restsUntilNs: number;

  /** Linear addresses where execution stops before the instruction. Observers only; never part of the state. */
  setBreakpoints(addresses: ReadonlySet<GuestVirtualAddress>): void;

  /** Lets the next instruction run although it has a breakpoint. */
  passBreakpointOnce(): void;

  /** Makes the state what it was when the processor was made; only retired instructions and random numbers go on. */
  powerOn(): void;

  /** Must be called after someone else wrote control registers, segments, EFER or paging state. */
  stateWasEdited(): void;

  /** Ends the intercepted instruction: RIP advances by VM_EXIT_INSTRUCTION_LEN, blocking by STI and MOV SS ends, one instruction is retired. */
  completeInstruction(): void;

  /** Records the device's answer to the access that exited; the instruction runs again and consumes it. */
  answerAccess(value: bigint): void;

  /** Reads linear memory as the processor reads descriptor tables: as supervisor, setting accessed bits. */
  readAsSystem(address: GuestVirtualAddress, length: number): Uint8Array | SystemAccessFailure;

  /** Writes linear memory as the processor writes task-state segments: all of it, or nothing and why. */
  writeAsSystem(address: GuestVirtualAddress, data: Uint8Array): SystemAccessFailure | undefined;

  /** Translates a linear address as supervisor, without side effects (no accessed or dirty bits). */
  translate(gva: GuestVirtualAddress, access: AccessKind): Translation;

  /** The levels that {@link translate} visits, outermost first; ends at the first entry that is not present. */
  walk(gva: GuestVirtualAddress): readonly PageWalkLevel[];
}
