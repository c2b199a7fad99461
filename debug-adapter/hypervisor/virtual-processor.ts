/** A virtual processor: a processor core with its VMCS, and what the hypervisor keeps about it. */
import type { ProcessorCore } from '../machine/processor';
import {
  stateOffsets,
  vmcsEncoding,
  vmcsSlotOffset,
  type ProcessorState,
} from '../machine/processor-state';
import type { TraceHeader, VmExitEvent } from '../machine/trace';
import { Cr0, Efer } from '../spec/x86/control-registers';
import { ExitReasonNumber } from '../spec/x86/exit-reasons';
import { activityState } from '../spec/x86/vmx-controls';
import { present } from '../support/assert';
import { ExitInformation } from './exit-information';
import type { LocalApic } from './local-apic/local-apic';
import type { EntryFailure } from './entry-checks/entry-state';
import { foreseeEntryFailure, invalidControlFields } from './vm-entry-checks';

const encoding = {
  activity: vmcsEncoding('GUEST_ACTIVITY_STATE'),
  reason: vmcsEncoding('VM_EXIT_REASON'),
  instructionError: vmcsEncoding('VM_INSTRUCTION_ERROR'),
  qualification: vmcsEncoding('EXIT_QUALIFICATION'),
  instructionLength: vmcsEncoding('VM_EXIT_INSTRUCTION_LEN'),
  interruptionInformation: vmcsEncoding('VM_EXIT_INTR_INFO'),
  vectoringInformation: vmcsEncoding('IDT_VECTORING_INFO_FIELD'),
  guestPhysicalAddress: vmcsEncoding('GUEST_PHYSICAL_ADDRESS'),
  guestLinearAddress: vmcsEncoding('GUEST_LINEAR_ADDRESS'),
  cr0: vmcsEncoding('GUEST_CR0'),
  cr3: vmcsEncoding('GUEST_CR3'),
  cr4: vmcsEncoding('GUEST_CR4'),
  efer: vmcsEncoding('GUEST_IA32_EFER'),
  csAccessRights: vmcsEncoding('GUEST_CS_AR_BYTES'),
  ssAccessRights: vmcsEncoding('GUEST_SS_AR_BYTES'),
} as const;

const activityOffset = vmcsSlotOffset(encoding.activity);
/** What every exit and every hypercall looks at. */
const offsets = {
  cr0: vmcsSlotOffset(encoding.cr0),
  efer: vmcsSlotOffset(encoding.efer),
  csAccessRights: vmcsSlotOffset(encoding.csAccessRights),
  ssAccessRights: vmcsSlotOffset(encoding.ssAccessRights),
} as const;

/** Bit 31 and "invalid guest state". */
const entryFailureReason = 0x80000000n | BigInt(ExitReasonNumber.INVALID_STATE);

const longCodeSegment = 1 << 13;

/** What a virtual processor does when it is given time; one that waits for a start-up IPI counts as halted. */
export type VirtualProcessorRunState = 'active' | 'halted' | 'suspended' | 'shutdown';

/** About what a suspended processor can wait for its parent's answer. */
export const awaitedAnswers = ['port', 'memory', 'interrupt-acknowledge'] as const;

/** A value of {@link awaitedAnswers}. */
export type AwaitedAnswer = (typeof awaitedAnswers)[number];

/** Why a processor is suspended besides waiting for an answer (TLFS 7.5): by itself, or with its whole partition. */
export const suspendReasons = ['explicit', 'partition'] as const;

/** A value of {@link suspendReasons}. */
export type SuspendReason = (typeof suspendReasons)[number];

const suspendBit = { explicit: 1, partition: 2 } as const;

/** Where and when an exit was recorded; the rest of its event is in the VMCS while it is pending. */
export type ExitIdentity = Pick<TraceHeader, 'position' | 'ordinal' | 'timeNs'>;

export class VirtualProcessor {
  /** VM exits since the start. */
  exits = 0;

  /** Nanoseconds of virtual time for which it has run, the hypervisor's work for it included. */
  runNs = 0;

  /** Place of the last exit that was recorded, kept in numbers: an object for each would outlive its exit. */
  exitPosition = 0;
  exitOrdinal = 0;
  exitTimeNs = 0;

  /** True while a VM exit waits to be handled and its event has been recorded. */
  hasRecordedExit = false;

  /** The pending exit in full, made from the VMCS when first asked for; never part of the state. */
  private described: VmExitEvent | undefined;

  /** Set by edits that may have made the guest state one that VM entry refuses. */
  entryChecksDue = false;

  /** The last exit, as the VMCS has it. */
  readonly exitInformation: ExitInformation;

  readonly state: ProcessorState;

  private controller: LocalApic | undefined;

  /** Set while a halted processor is woken by an interrupt that it does not take yet. */
  isGuestIdle = false;

  /** Set while the processor is suspended until its parent answers. */
  awaited: AwaitedAnswer | undefined;

  /** Reasons for which it is suspended, one bit for each. */
  private suspensions = 0;

  constructor(
    readonly partitionId: number,
    readonly index: number,
    readonly core: ProcessorCore,
  ) {
    this.state = core.state;
    this.exitInformation = new ExitInformation(core.state);
  }

  /** The processor's local APIC, which it has once its partition runs under a hypervisor. */
  get apic(): LocalApic {
    return present(this.controller, 'local APIC');
  }

  connectApic(apic: LocalApic): void {
    this.controller = apic;
  }

  /** Instructions retired since the start. */
  get retired(): number {
    return Number(this.state.readU64(stateOffsets.retired));
  }

  get runState(): VirtualProcessorRunState {
    if (this.isRunnable) return 'active';
    switch (this.state.readU32(activityOffset)) {
      case activityState.active:
        return 'suspended';
      case activityState.shutdown:
        return 'shutdown';
      default:
        return 'halted';
    }
  }

  /** Whether {@link runState} is "active", which every exit asks. */
  get isRunnable(): boolean {
    const activity = this.state.readU32(activityOffset);
    if (this.suspensions !== 0) return false;
    if (activity !== activityState.active) return activity === activityState.hlt && this.isEntryDue;
    return this.awaited === undefined;
  }

  /** A halted processor has something to do: the exit of its preemption timer, or VM entry behind that. */
  private get isEntryDue(): boolean {
    const { state } = this;
    const flags = state.readU32(stateOffsets.boundaryExit) | state.readU32(stateOffsets.passedExit);
    return (flags | state.readU32(stateOffsets.exitPending)) !== 0;
  }

  /** The preemption timer of a processor that has halted without an exit is zero (SDM vol. 3, 26.5.1). */
  expirePreemptionTimer(): boolean {
    const { state } = this;
    if (this.runState !== 'halted' || state.readU32(stateOffsets.preemptionLoaded) === 0)
      return false;
    state.writeU32(stateOffsets.boundaryExit, ExitReasonNumber.PREEMPTION_TIMER);
    return true;
  }

  set runState(value: Exclude<VirtualProcessorRunState, 'suspended'>) {
    this.isGuestIdle = false;
    const activity = { active: 0, halted: activityState.hlt, shutdown: activityState.shutdown };
    this.state.setVmcs(encoding.activity, BigInt(activity[value]));
  }

  /** True while its parent keeps it from running. */
  get isSuspended(): boolean {
    return this.suspensions !== 0;
  }

  isSuspendedFor(reason: SuspendReason): boolean {
    return (this.suspensions & suspendBit[reason]) !== 0;
  }

  suspend(reason: SuspendReason, isSuspended: boolean): void {
    const others = this.suspensions & ~suspendBit[reason];
    this.suspensions = isSuspended ? others | suspendBit[reason] : others;
  }

  /** Halts until an interrupt is pending, also while RFLAGS.IF is 0 (TLFS, HV_X64_MSR_GUEST_IDLE). */
  idle(): void {
    this.runState = 'halted';
    this.isGuestIdle = true;
  }

  /** The activity state of an application processor before its start-up IPI (SDM vol. 3, 25.4.2). */
  waitForStartUp(): void {
    this.isGuestIdle = false;
    this.state.setVmcs(encoding.activity, BigInt(activityState.waitForSipi));
  }

  get waitsForStartUp(): boolean {
    return this.state.readU32(activityOffset) === activityState.waitForSipi;
  }

  /** False in shutdown and before a start-up IPI, where no VM entry delivers anything. */
  get takesEvents(): boolean {
    return this.state.readU32(activityOffset) <= activityState.hlt;
  }

  /** True while a VM exit waits for the hypervisor. */
  get isExitPending(): boolean {
    return this.state.readU32(stateOffsets.exitPending) !== 0;
  }

  /** How VM entry would fail now, and for what; undefined where it would succeed. */
  get entryProblem(): string | undefined {
    return foreseeEntryFailure(this.core);
  }

  /** Ends the pending exit: the next thing that happens is VM entry. */
  clearPendingExit(): void {
    this.state.writeU32(stateOffsets.exitPending, 0);
    this.hasRecordedExit = false;
    this.described = undefined;
  }

  /** Of the exit that waits to be handled, once it has been recorded. */
  get exitIdentity(): ExitIdentity | undefined {
    return this.hasRecordedExit ? this.lastExitIdentity : undefined;
  }

  set exitIdentity(identity: ExitIdentity | undefined) {
    this.hasRecordedExit = identity !== undefined;
    if (identity === undefined) return;
    this.exitPosition = identity.position;
    this.exitOrdinal = identity.ordinal;
    this.exitTimeNs = identity.timeNs;
  }

  /** Of the last exit that was recorded, whether it has been handled or not. */
  get lastExitIdentity(): ExitIdentity {
    return { position: this.exitPosition, ordinal: this.exitOrdinal, timeNs: this.exitTimeNs };
  }

  /** After an edit of the VMCS: VM entry is made again, with its checks, and counts begin anew. */
  enterAnew(): void {
    const { state } = this;
    this.entryChecksDue = true;
    state.writeU32(stateOffsets.preemptionLoaded, 0);
    state.writeU32(stateOffsets.pauseSeen, 0);
    state.writeU32(stateOffsets.boundaryExit, 0);
    state.writeU32(stateOffsets.passedExit, 0);
  }

  /** Fills in how VM entry has failed: an error number, or the exit information (SDM vol. 3, 27.8). */
  raiseEntryFailure({ ends, qualification }: EntryFailure): void {
    if (ends === 'vm-fail') {
      this.state.setVmcs(encoding.instructionError, BigInt(invalidControlFields));
      return;
    }
    this.state.setVmcs(encoding.reason, entryFailureReason);
    this.state.setVmcs(encoding.qualification, qualification);
    this.state.setVmcs(encoding.instructionLength, 0n);
    this.state.setVmcs(encoding.interruptionInformation, 0n);
    this.state.setVmcs(encoding.vectoringInformation, 0n);
    this.state.writeU32(stateOffsets.exitPending, 1);
  }

  /** Of the processor and of what the hypervisor keeps about it; exits are counted on. */
  powerOn(): void {
    this.clearPendingExit();
    this.core.powerOn();
    this.entryChecksDue = false;
    this.isGuestIdle = false;
    this.awaited = undefined;
    this.apic.reset();
  }

  /** The exit that waits to be handled, once it has been recorded. */
  get pendingExit(): VmExitEvent | undefined {
    const identity = this.exitIdentity;
    if (identity === undefined) return undefined;
    this.described ??= this.describeExit(identity);
    return this.described;
  }

  /** Makes {@link pendingExit} show what an edit has changed. */
  forgetDescription(): void {
    this.described = undefined;
  }

  /** The exit in the VMCS has this place in the order; it is the pending one from now on. */
  recordExit({ position, ordinal, timeNs }: ExitIdentity): void {
    this.exits++;
    this.exitPosition = position;
    this.exitOrdinal = ordinal;
    this.exitTimeNs = timeNs;
    this.hasRecordedExit = true;
    this.described = undefined;
  }

  /** The last exit in full: for as long as nothing has changed what it was about. */
  describeExit({ position, ordinal, timeNs }: ExitIdentity): VmExitEvent {
    const { state } = this;
    const registers: bigint[] = [];
    for (let index = 0; index < 16; index++) registers.push(state.gpr(index));
    return {
      kind: 'vm-exit',
      position,
      ordinal,
      timeNs,
      partition: this.partitionId,
      processor: this.index,
      exitNumber: this.exits,
      reason: Number(state.vmcs(encoding.reason)),
      qualification: state.vmcs(encoding.qualification),
      instructionLength: Number(state.vmcs(encoding.instructionLength)),
      interruptionInformation: Number(state.vmcs(encoding.interruptionInformation)),
      guestPhysicalAddress: state.vmcs(encoding.guestPhysicalAddress),
      guestLinearAddress: state.vmcs(encoding.guestLinearAddress),
      rip: state.rip,
      rflags: state.rflags,
      cr0: state.vmcs(encoding.cr0),
      cr3: state.vmcs(encoding.cr3),
      cr4: state.vmcs(encoding.cr4),
      registers,
    };
  }

  /** Current privilege level: DPL of SS (SDM vol. 3, 25.4.1). */
  get privilegeLevel(): number {
    return (this.state.readU32(offsets.ssAccessRights) >>> 5) & 3;
  }

  get isProtectedMode(): boolean {
    return (this.state.readU32(offsets.cr0) & Number(Cr0.PE)) !== 0;
  }

  /** True in 64-bit mode, false in compatibility mode and below. */
  get is64BitMode(): boolean {
    const longMode = (this.state.readU32(offsets.efer) & Number(Efer.LMA)) !== 0;
    return longMode && (this.state.readU32(offsets.csAccessRights) & longCodeSegment) !== 0;
  }
}
