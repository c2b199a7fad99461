// Table: VM-execution, VM-exit and VM-entry controls, Intel SDM volume 3, sections 25.6 to 25.8.
import { bit, bits, type BitField } from '../../support/bit-field';
import { exceptionVectors } from './exceptions';

/** PIN_BASED_VM_EXEC_CONTROL (SDM vol. 3, table 25-5). */
export const pinBasedControls: readonly BitField[] = [
  bit(0, 'external-interrupt exiting'),
  bit(3, 'NMI exiting'),
  bit(5, 'virtual NMIs'),
  bit(6, 'activate VMX-preemption timer'),
  bit(7, 'process posted interrupts'),
];

/** CPU_BASED_VM_EXEC_CONTROL (SDM vol. 3, table 25-6). */
export const primaryControls: readonly BitField[] = [
  bit(2, 'interrupt-window exiting'),
  bit(3, 'use TSC offsetting'),
  bit(7, 'HLT exiting'),
  bit(9, 'INVLPG exiting'),
  bit(10, 'MWAIT exiting'),
  bit(11, 'RDPMC exiting'),
  bit(12, 'RDTSC exiting'),
  bit(15, 'CR3-load exiting'),
  bit(16, 'CR3-store exiting'),
  bit(17, 'activate tertiary controls'),
  bit(19, 'CR8-load exiting'),
  bit(20, 'CR8-store exiting'),
  bit(21, 'use TPR shadow'),
  bit(22, 'NMI-window exiting'),
  bit(23, 'MOV-DR exiting'),
  bit(24, 'unconditional I/O exiting'),
  bit(25, 'use I/O bitmaps'),
  bit(27, 'monitor trap flag'),
  bit(28, 'use MSR bitmaps'),
  bit(29, 'MONITOR exiting'),
  bit(30, 'PAUSE exiting'),
  bit(31, 'activate secondary controls'),
];

/** SECONDARY_VM_EXEC_CONTROL (SDM vol. 3, table 25-7). */
export const secondaryControls: readonly BitField[] = [
  bit(0, 'virtualize APIC accesses'),
  bit(1, 'enable EPT'),
  bit(2, 'descriptor-table exiting'),
  bit(3, 'enable RDTSCP'),
  bit(4, 'virtualize x2APIC mode'),
  bit(5, 'enable VPID'),
  bit(6, 'WBINVD exiting'),
  bit(7, 'unrestricted guest'),
  bit(8, 'APIC-register virtualization'),
  bit(9, 'virtual-interrupt delivery'),
  bit(10, 'PAUSE-loop exiting'),
  bit(11, 'RDRAND exiting'),
  bit(12, 'enable INVPCID'),
  bit(13, 'enable VM functions'),
  bit(14, 'VMCS shadowing'),
  bit(15, 'enable ENCLS exiting'),
  bit(16, 'RDSEED exiting'),
  bit(17, 'enable PML'),
  bit(18, 'EPT-violation #VE'),
  bit(19, 'conceal VMX from PT'),
  bit(20, 'enable XSAVES/XRSTORS'),
  bit(21, 'PASID translation'),
  bit(22, 'mode-based execute control for EPT'),
  bit(23, 'sub-page write permissions for EPT'),
  bit(24, 'Intel PT uses guest physical addresses'),
  bit(25, 'use TSC scaling'),
  bit(26, 'enable user wait and pause'),
  bit(27, 'enable PCONFIG'),
  bit(28, 'enable ENCLV exiting'),
  bit(30, 'VMM bus-lock detection'),
  bit(31, 'instruction timeout'),
];

/** TERTIARY_VM_EXEC_CONTROL (SDM vol. 3, table 25-8). */
export const tertiaryControls: readonly BitField[] = [
  bit(0, 'LOADIWKEY exiting'),
  bit(1, 'enable HLAT'),
  bit(2, 'EPT paging-write control'),
  bit(3, 'guest-paging verification'),
  bit(4, 'IPI virtualization'),
  bit(6, 'enable MSR-list instructions'),
  bit(7, 'virtualize IA32_SPEC_CTRL'),
  bit(8, 'APIC-timer virtualization'),
];

/** VM_EXIT_CONTROLS (SDM vol. 3, table 25-13). */
export const exitControls: readonly BitField[] = [
  bit(2, 'save debug controls'),
  bit(9, 'host address-space size'),
  bit(12, 'load IA32_PERF_GLOBAL_CTRL'),
  bit(15, 'acknowledge interrupt on exit'),
  bit(18, 'save IA32_PAT'),
  bit(19, 'load IA32_PAT'),
  bit(20, 'save IA32_EFER'),
  bit(21, 'load IA32_EFER'),
  bit(22, 'save VMX-preemption timer value'),
  bit(23, 'clear IA32_BNDCFGS'),
  bit(24, 'conceal VMX from PT'),
  bit(25, 'clear IA32_RTIT_CTL'),
  bit(26, 'clear IA32_LBR_CTL'),
  bit(27, 'clear UINV'),
  bit(28, 'load CET state'),
  bit(29, 'load PKRS'),
  bit(30, 'save IA32_PERF_GLOBAL_CTRL'),
  bit(31, 'activate secondary controls'),
];

/** VM_ENTRY_CONTROLS (SDM vol. 3, table 25-15). */
export const entryControls: readonly BitField[] = [
  bit(2, 'load debug controls'),
  bit(9, 'IA-32e mode guest'),
  bit(10, 'entry to SMM'),
  bit(11, 'deactivate dual-monitor treatment'),
  bit(13, 'load IA32_PERF_GLOBAL_CTRL'),
  bit(14, 'load IA32_PAT'),
  bit(15, 'load IA32_EFER'),
  bit(16, 'load IA32_BNDCFGS'),
  bit(17, 'conceal VMX from PT'),
  bit(18, 'load IA32_RTIT_CTL'),
  bit(19, 'load UINV'),
  bit(20, 'load CET state'),
  bit(21, 'load guest IA32_LBR_CTL'),
  bit(22, 'load PKRS'),
  bit(23, 'load FRED'),
  bit(24, 'load IA32_SPEC_CTRL'),
];

/** Bits that every processor requires to be 1 (SDM vol. 3, appendix A.3 to A.5, with TRUE MSRs). */
export const requiredControlBits = {
  pinBased: 0x00000016,
  primary: 0x04006172,
  secondary: 0,
  exit: 0x00036dfb,
  entry: 0x000011fb,
} as const;

/** Bit of the TSC with which the VMX-preemption timer counts: IA32_VMX_MISC bits 4:0 (SDM vol. 3, appendix A.6). */
export const preemptionTimerRate = 5;

/** Interruption-information word: entry, exit and IDT-vectoring (SDM vol. 3, tables 25-17, 25-19, 25-20). */
export const interruptionInformation = {
  vector: bits(7, 0, 'vector'),
  type: bits(10, 8, 'type', {
    0: 'external interrupt',
    2: 'NMI',
    3: 'hardware exception',
    4: 'software interrupt',
    5: 'privileged software exception',
    6: 'software exception',
    7: 'other event',
  }),
  errorCode: bit(11, 'error code valid'),
  nmiUnblocking: bit(12, 'NMI unblocking due to IRET'),
  valid: bit(31, 'valid'),
} as const;

/** GUEST_INTERRUPTIBILITY_INFO (SDM vol. 3, table 25-3). */
export const interruptibilityState: readonly BitField[] = [
  bit(0, 'blocking by STI'),
  bit(1, 'blocking by MOV SS'),
  bit(2, 'blocking by SMI'),
  bit(3, 'blocking by NMI'),
  bit(4, 'enclave interruption'),
];

/** GUEST_ACTIVITY_STATE values (SDM vol. 3, 25.4.2). */
export const activityState = { active: 0, hlt: 1, shutdown: 2, waitForSipi: 3 } as const;

/** Segment access rights (SDM vol. 3, table 25-2). */
export const segmentAccessRights: readonly BitField[] = [
  bits(3, 0, 'type'),
  bit(4, 'S'),
  bits(6, 5, 'DPL'),
  bit(7, 'P'),
  bit(12, 'AVL'),
  bit(13, 'L'),
  bit(14, 'D/B'),
  bit(15, 'G'),
  bit(16, 'unusable'),
];

/** EXCEPTION_BITMAP: a bit for each vector (SDM vol. 3, 25.6.3). */
export const exceptionBitmap: readonly BitField[] = exceptionVectors.map(({ vector, mnemonic }) =>
  bit(vector, mnemonic),
);

/** EPT_POINTER (SDM vol. 3, table 25-9). */
export const extendedPageTablePointer: readonly BitField[] = [
  bits(2, 0, 'memory type', { 0: 'uncacheable', 6: 'write-back' }),
  bits(5, 3, 'page-walk length minus 1'),
  bit(6, 'enable accessed and dirty flags'),
  bit(7, 'enforce supervisor shadow-stack access rights'),
  bits(51, 12, 'page frame of the EPT PML4 table'),
];

/** GUEST_PENDING_DBG_EXCEPTIONS (SDM vol. 3, table 25-4). */
export const pendingDebugExceptions: readonly BitField[] = [
  bit(0, 'B0'),
  bit(1, 'B1'),
  bit(2, 'B2'),
  bit(3, 'B3'),
  bit(11, 'BLD'),
  bit(12, 'enabled breakpoint'),
  bit(14, 'BS'),
  bit(16, 'RTM'),
];

/** GUEST_INTR_STATUS (SDM vol. 3, 25.4.2). */
export const guestInterruptStatus: readonly BitField[] = [
  bits(7, 0, 'requesting virtual interrupt'),
  bits(15, 8, 'servicing virtual interrupt'),
];

/** Control words by VMCS field encoding, for views that show them bit by bit. */
export const controlBitsByEncoding: ReadonlyMap<number, readonly BitField[]> = new Map([
  [0x4000, pinBasedControls],
  [0x4002, primaryControls],
  [0x401e, secondaryControls],
  [0x2034, tertiaryControls],
  [0x400c, exitControls],
  [0x4012, entryControls],
  [0x4004, exceptionBitmap],
  [0x201a, extendedPageTablePointer],
  [0x4824, interruptibilityState],
  [0x6822, pendingDebugExceptions],
  [0x0810, guestInterruptStatus],
]);
