/** Records VM exits in the VMCS (SDM vol. 3, 28.2) and answers which events exit (25.6). */
import { ExitReasonNumber } from '../../spec/x86/exit-reasons';
import { primaryControls, secondaryControls } from '../../spec/x86/vmx-controls';
import { maskOf } from '../../support/bit-field';
import { StopCode, stateOffsets } from '../../machine/processor-state';
import { runOffsets } from '../memory-map';
import { RoutineEnd, vector, type Fault, type ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';

/** Basic exit reasons, where the processor causes them. */
export { ExitReasonNumber as exitReason };

/** Bits of the primary processor-based controls (SDM vol. 3, table 25-6). */
export const primaryControl = {
  interruptWindowExiting: maskOf(primaryControls, ['interrupt-window exiting']),
  nmiWindowExiting: maskOf(primaryControls, ['NMI-window exiting']),
  hltExiting: maskOf(primaryControls, ['HLT exiting']),
  invlpgExiting: maskOf(primaryControls, ['INVLPG exiting']),
  mwaitExiting: maskOf(primaryControls, ['MWAIT exiting']),
  rdpmcExiting: maskOf(primaryControls, ['RDPMC exiting']),
  rdtscExiting: maskOf(primaryControls, ['RDTSC exiting']),
  cr3LoadExiting: maskOf(primaryControls, ['CR3-load exiting']),
  cr3StoreExiting: maskOf(primaryControls, ['CR3-store exiting']),
  cr8LoadExiting: maskOf(primaryControls, ['CR8-load exiting']),
  cr8StoreExiting: maskOf(primaryControls, ['CR8-store exiting']),
  movDrExiting: maskOf(primaryControls, ['MOV-DR exiting']),
  unconditionalIoExiting: maskOf(primaryControls, ['unconditional I/O exiting']),
  monitorExiting: maskOf(primaryControls, ['MONITOR exiting']),
  pauseExiting: maskOf(primaryControls, ['PAUSE exiting']),
  useTscOffsetting: maskOf(primaryControls, ['use TSC offsetting']),
  useTprShadow: maskOf(primaryControls, ['use TPR shadow']),
  monitorTrapFlag: maskOf(primaryControls, ['monitor trap flag']),
} as const;

/** Bits of the secondary processor-based controls (SDM vol. 3, table 25-7). */
export const secondaryControl = {
  descriptorTableExiting: maskOf(secondaryControls, ['descriptor-table exiting']),
  enableRdtscp: maskOf(secondaryControls, ['enable RDTSCP']),
  wbinvdExiting: maskOf(secondaryControls, ['WBINVD exiting']),
  rdrandExiting: maskOf(secondaryControls, ['RDRAND exiting']),
  rdseedExiting: maskOf(secondaryControls, ['RDSEED exiting']),
  enableInvpcid: maskOf(secondaryControls, ['enable INVPCID']),
  pauseLoopExiting: maskOf(secondaryControls, ['PAUSE-loop exiting']),
  useTscScaling: maskOf(secondaryControls, ['use TSC scaling']),
} as const;

/** What an exit says besides its reason. */
export interface ExitDetails {
  readonly qualification?: bigint;
  /** Bytes of the instruction that caused it; 0 where there is none. */
  readonly instructionLength?: number;
  readonly instructionInformation?: number;
  readonly interruptionInformation?: number;
  readonly errorCode?: number;
  readonly guestPhysicalAddress?: bigint;
  readonly guestLinearAddress?: bigint;
}

/** Event types of an interruption-information word (SDM vol. 3, table 25-16). */
export const eventType = {
  externalInterrupt: 0,
  nmi: 2,
  hardwareException: 3,
  softwareInterrupt: 4,
  privilegedSoftwareException: 5,
  softwareException: 6,
} as const;

/** "NMI unblocking due to IRET", in an interruption-information word and in the qualification of an EPT violation. */
const nmiUnblocking = 0x1000;
const longModeGuest = 0x200;
const validBit = 0x80000000;
const errorCodeBit = 0x800;

/** An interruption-information word. */
export function eventInformation(type: number, number: number, hasErrorCode: boolean): number {
  return (validBit | (hasErrorCode ? errorCodeBit : 0) | (type << 8) | number) >>> 0;
}

/** Fills the exit-information fields and leaves the instruction without effect. */
export function causeExit(
  context: ProcessorContext,
  reason: number,
  details: ExitDetails = {},
): typeof RoutineEnd.leave {
  const { state } = context;
  const { qualification, guestPhysicalAddress, guestLinearAddress } = details;
  causeInstructionExit(context, reason, details.instructionLength ?? 0);
  state.writeZeroExtended(
    vmcsOffsets.exitInstructionInformation,
    details.instructionInformation ?? 0,
  );
  state.writeZeroExtended(vmcsOffsets.exitInformation, details.interruptionInformation ?? 0);
  state.writeZeroExtended(vmcsOffsets.exitErrorCode, details.errorCode ?? 0);
  if (qualification !== undefined) state.writeU64(vmcsOffsets.exitQualification, qualification);
  if (reason === ExitReasonNumber.EPT_VIOLATION && context.takeNmisLetIn()) {
    setBit(context, vmcsOffsets.exitQualification, nmiUnblocking);
  }
  if (guestPhysicalAddress !== undefined) {
    state.writeU64(vmcsOffsets.guestPhysicalAddress, guestPhysicalAddress);
  }
  if (guestLinearAddress !== undefined) {
    state.writeU64(vmcsOffsets.guestLinearAddress, guestLinearAddress);
  }
  return RoutineEnd.leave;
}

/** Tells in the interruption information that the IRET which caused the exit has let NMIs in (SDM vol. 3, 28.2.3). */
export function tellNmisLetIn(context: ProcessorContext): void {
  setBit(context, vmcsOffsets.exitInformation, nmiUnblocking);
}

function setBit({ state }: ProcessorContext, offset: number, bit: number): void {
  state.writeU32(offset, state.readU32(offset) | bit);
}

/** The same for an instruction about which there is nothing to say besides its length, without a 64-bit integer. */
export function causeInstructionExit(
  context: ProcessorContext,
  reason: number,
  instructionLength: number,
): typeof RoutineEnd.leave {
  const { state } = context;
  state.writeZeroExtended(vmcsOffsets.exitReason, reason);
  state.clearSlot(vmcsOffsets.exitQualification);
  state.writeZeroExtended(vmcsOffsets.exitInstructionLength, instructionLength);
  state.clearSlot(vmcsOffsets.exitInstructionInformation);
  state.clearSlot(vmcsOffsets.exitInformation);
  state.clearSlot(vmcsOffsets.exitErrorCode);
  state.clearSlot(vmcsOffsets.guestPhysicalAddress);
  state.clearSlot(vmcsOffsets.guestLinearAddress);
  state.clearSlot(vmcsOffsets.idtVectoringInformation);
  state.clearSlot(vmcsOffsets.idtVectoringErrorCode);
  saveLongMode(context);
  state.writeU32(stateOffsets.exitPending, 1);
  context.setRun32(runOffsets.stop, StopCode.vmExit);
  return RoutineEnd.leave;
}

/** An exit stores EFER.LMA in the entry control "IA-32e mode guest" (SDM vol. 3, 28.2 and A.6, bit 5). */
function saveLongMode({ state, isLongMode }: ProcessorContext): void {
  const controls = state.readU32(vmcsOffsets.entryControls) & ~longModeGuest;
  state.writeU32(vmcsOffsets.entryControls, isLongMode ? controls | longModeGuest : controls);
}

export function hasPrimary(context: ProcessorContext, bit: number): boolean {
  return (context.state.readU32(vmcsOffsets.primaryControls) & bit) !== 0;
}

export function hasSecondary(context: ProcessorContext, bit: number): boolean {
  const active = (context.state.readU32(vmcsOffsets.primaryControls) & 0x80000000) !== 0;
  return active && (context.state.readU32(vmcsOffsets.secondaryControls) & bit) !== 0;
}

/** Whether the exception bitmap, with the page-fault mask and match, makes a fault exit (SDM vol. 3, 26.2). */
export function exceptionExits(context: ProcessorContext, fault: Fault): boolean {
  const { state } = context;
  const bit = (state.readU32(vmcsOffsets.exceptionBitmap) & (1 << fault.vector)) !== 0;
  if (fault.vector !== vector.PF) return bit;
  const masked = (fault.errorCode ?? 0) & state.readU32(vmcsOffsets.pageFaultMask);
  return masked === state.readU32(vmcsOffsets.pageFaultMatch) ? bit : !bit;
}
