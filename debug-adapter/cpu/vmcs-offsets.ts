/** Offsets of the VMCS slots that the processor itself reads and writes, by the SDM's field names. */
import { vmcsEncoding, vmcsSlotOffset } from '../machine/processor-state';

function slot(name: string): number {
  return vmcsSlotOffset(vmcsEncoding(name));
}

/** A segment register's four slots. */
export interface SegmentOffsets {
  readonly selector: number;
  readonly base: number;
  readonly limit: number;
  readonly accessRights: number;
}

function segment(name: string): SegmentOffsets {
  return {
    selector: slot(`GUEST_${name}_SELECTOR`),
    base: slot(`GUEST_${name}_BASE`),
    limit: slot(`GUEST_${name}_LIMIT`),
    accessRights: slot(`GUEST_${name}_AR_BYTES`),
  };
}

/** Segment registers; the first six are in encoding order (SDM vol. 2, table 2-8). */
export const segmentOffsets = {
  ES: segment('ES'),
  CS: segment('CS'),
  SS: segment('SS'),
  DS: segment('DS'),
  FS: segment('FS'),
  GS: segment('GS'),
  LDTR: segment('LDTR'),
  TR: segment('TR'),
} as const;

export const segmentsByNumber: readonly SegmentOffsets[] = [
  segmentOffsets.ES,
  segmentOffsets.CS,
  segmentOffsets.SS,
  segmentOffsets.DS,
  segmentOffsets.FS,
  segmentOffsets.GS,
];

export const vmcsOffsets = {
  cr0: slot('GUEST_CR0'),
  cr3: slot('GUEST_CR3'),
  cr4: slot('GUEST_CR4'),
  dr7: slot('GUEST_DR7'),
  efer: slot('GUEST_IA32_EFER'),
  sysenterCs: slot('GUEST_SYSENTER_CS'),
  sysenterEsp: slot('GUEST_SYSENTER_ESP'),
  sysenterEip: slot('GUEST_SYSENTER_EIP'),
  pageDirectoryPointers: [0, 1, 2, 3].map((index) => slot(`GUEST_PDPTR${index}`)),
  gdtrBase: slot('GUEST_GDTR_BASE'),
  gdtrLimit: slot('GUEST_GDTR_LIMIT'),
  idtrBase: slot('GUEST_IDTR_BASE'),
  idtrLimit: slot('GUEST_IDTR_LIMIT'),
  interruptibility: slot('GUEST_INTERRUPTIBILITY_INFO'),
  activityState: slot('GUEST_ACTIVITY_STATE'),
  pendingDebugExceptions: slot('GUEST_PENDING_DBG_EXCEPTIONS'),

  pinBasedControls: slot('PIN_BASED_VM_EXEC_CONTROL'),
  exitControls: slot('VM_EXIT_CONTROLS'),
  preemptionTimer: slot('VMX_PREEMPTION_TIMER_VALUE'),
  pauseLoopGap: slot('PLE_GAP'),
  pauseLoopWindow: slot('PLE_WINDOW'),
  tprThreshold: slot('TPR_THRESHOLD'),
  primaryControls: slot('CPU_BASED_VM_EXEC_CONTROL'),
  secondaryControls: slot('SECONDARY_VM_EXEC_CONTROL'),
  exceptionBitmap: slot('EXCEPTION_BITMAP'),
  pageFaultMask: slot('PAGE_FAULT_ERROR_CODE_MASK'),
  pageFaultMatch: slot('PAGE_FAULT_ERROR_CODE_MATCH'),
  msrBitmap: slot('MSR_BITMAP'),
  ioBitmapA: slot('IO_BITMAP_A'),
  ioBitmapB: slot('IO_BITMAP_B'),
  cr0Mask: slot('CR0_GUEST_HOST_MASK'),
  cr0Shadow: slot('CR0_READ_SHADOW'),
  cr4Mask: slot('CR4_GUEST_HOST_MASK'),
  cr4Shadow: slot('CR4_READ_SHADOW'),
  cr3TargetCount: slot('CR3_TARGET_COUNT'),
  cr3Targets: [0, 1, 2, 3].map((index) => slot(`CR3_TARGET_VALUE${index}`)),
  tscOffset: slot('TSC_OFFSET'),

  entryControls: slot('VM_ENTRY_CONTROLS'),
  entryInformation: slot('VM_ENTRY_INTR_INFO_FIELD'),
  entryErrorCode: slot('VM_ENTRY_EXCEPTION_ERROR_CODE'),
  entryInstructionLength: slot('VM_ENTRY_INSTRUCTION_LEN'),

  exitReason: slot('VM_EXIT_REASON'),
  exitQualification: slot('EXIT_QUALIFICATION'),
  exitInformation: slot('VM_EXIT_INTR_INFO'),
  exitErrorCode: slot('VM_EXIT_INTR_ERROR_CODE'),
  exitInstructionLength: slot('VM_EXIT_INSTRUCTION_LEN'),
  exitInstructionInformation: slot('VMX_INSTRUCTION_INFO'),
  idtVectoringInformation: slot('IDT_VECTORING_INFO_FIELD'),
  idtVectoringErrorCode: slot('IDT_VECTORING_ERROR_CODE'),
  guestPhysicalAddress: slot('GUEST_PHYSICAL_ADDRESS'),
  guestLinearAddress: slot('GUEST_LINEAR_ADDRESS'),
} as const;
