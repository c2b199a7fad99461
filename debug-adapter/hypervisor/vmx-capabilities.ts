/**
 * What this processor's VMX offers: which controls must be 1 and which may be (SDM vol. 3, appendix A), and of the rest
 * why they are not offered. The one place that lists what is deliberately absent.
 */
import { vmcsEncoding } from '../machine/processor-state';
import {
  entryControls,
  exitControls,
  pinBasedControls,
  preemptionTimerRate,
  primaryControls,
  requiredControlBits,
  secondaryControls,
  tertiaryControls,
} from '../spec/x86/vmx-controls';
import { maskOf, type BitField } from '../support/bit-field';

type Names = readonly string[];

/** A control word of the VMCS. */
export interface ControlWord {
  readonly field: string;
  readonly bits: readonly BitField[];
  /** Section of the manual that has the check of VM entry. */
  readonly section: string;
  /** Capability MSR: bits 31:0 are those that must be 1, bits 63:32 those that may be 1. */
  readonly capability: { readonly name: string; readonly value: bigint };
  readonly mustBeOne: number;
  readonly mayBeOne: number;
}

function word(
  field: string,
  section: string,
  capability: string,
  bits: readonly BitField[],
  reserved: number,
  required: Names,
  optional: Names,
): ControlWord {
  const mustBeOne = (reserved | maskOf(bits, required)) >>> 0;
  const mayBeOne = (mustBeOne | maskOf(bits, optional)) >>> 0;
  const value = BigInt(mustBeOne) | (BigInt(mayBeOne) << 32n);
  return { field, bits, section, capability: { name: capability, value }, mustBeOne, mayBeOne };
}

const executionSection = '27.2.1.1';

/** The control words, in the order in which VM entry looks at them. */
export const controlWords: readonly ControlWord[] = [
  word(
    'PIN_BASED_VM_EXEC_CONTROL',
    executionSection,
    'IA32_VMX_TRUE_PINBASED_CTLS',
    pinBasedControls,
    requiredControlBits.pinBased,
    // Interrupts and NMIs of the physical machine are never the guest's.
    ['external-interrupt exiting', 'NMI exiting', 'virtual NMIs'],
    ['activate VMX-preemption timer'],
  ),
  word(
    'CPU_BASED_VM_EXEC_CONTROL',
    executionSection,
    'IA32_VMX_TRUE_PROCBASED_CTLS',
    primaryControls,
    requiredControlBits.primary,
    ['activate secondary controls'],
    [
      ...['interrupt-window exiting', 'use TSC offsetting', 'HLT exiting', 'INVLPG exiting'],
      ...['MWAIT exiting', 'RDPMC exiting', 'RDTSC exiting', 'CR3-load exiting'],
      ...['CR3-store exiting', 'CR8-load exiting', 'CR8-store exiting', 'use TPR shadow'],
      ...['NMI-window exiting', 'MOV-DR exiting', 'unconditional I/O exiting', 'use I/O bitmaps'],
      ...['monitor trap flag', 'use MSR bitmaps', 'MONITOR exiting', 'PAUSE exiting'],
    ],
  ),
  word(
    'SECONDARY_VM_EXEC_CONTROL',
    executionSection,
    'IA32_VMX_PROCBASED_CTLS2',
    secondaryControls,
    requiredControlBits.secondary,
    // The second-level map is the partition's memory itself, in every mode.
    ['enable EPT', 'unrestricted guest'],
    [
      ...['descriptor-table exiting', 'enable RDTSCP', 'enable VPID', 'WBINVD exiting'],
      ...['PAUSE-loop exiting', 'RDRAND exiting', 'enable INVPCID', 'RDSEED exiting'],
      'use TSC scaling',
    ],
  ),
  word(
    'VM_EXIT_CONTROLS',
    '27.2.1.2',
    'IA32_VMX_TRUE_EXIT_CTLS',
    exitControls,
    requiredControlBits.exit,
    // Guest-state fields are the processor's registers, so they are always saved.
    [
      ...['save debug controls', 'host address-space size', 'save IA32_PAT', 'load IA32_PAT'],
      ...['save IA32_EFER', 'load IA32_EFER'],
    ],
    ['save VMX-preemption timer value'],
  ),
  word(
    'VM_ENTRY_CONTROLS',
    '27.2.1.3',
    'IA32_VMX_TRUE_ENTRY_CTLS',
    entryControls,
    requiredControlBits.entry,
    ['load debug controls', 'load IA32_PAT', 'load IA32_EFER'],
    ['IA-32e mode guest'],
  ),
];

/** Why a control may not be 1, by its name; of the tertiary controls there are none. */
export const unsupportedControls: readonly (readonly [reason: string, names: Names])[] = [
  [
    'the local APIC is the hypervisor’s, not the processor’s',
    [
      ...['process posted interrupts', 'virtualize APIC accesses', 'virtualize x2APIC mode'],
      ...['APIC-register virtualization', 'virtual-interrupt delivery'],
      ...['acknowledge interrupt on exit', 'activate tertiary controls'],
      ...tertiaryControls.map(({ name }) => name),
    ],
  ],
  [
    'EPT paging structures are not walked: the second-level map is the partition’s memory',
    [
      ...['enable PML', 'EPT-violation #VE', 'mode-based execute control for EPT'],
      ...['sub-page write permissions for EPT', 'Intel PT uses guest physical addresses'],
      ...['enable VM functions', 'PASID translation'],
    ],
  ],
  ['nested virtualization is not offered', ['VMCS shadowing']],
  [
    'CPUID does not offer the instructions or the feature',
    [
      ...['enable ENCLS exiting', 'enable ENCLV exiting', 'enable XSAVES/XRSTORS'],
      ...['enable user wait and pause', 'enable PCONFIG', 'conceal VMX from PT'],
      ...['load IA32_PERF_GLOBAL_CTRL', 'save IA32_PERF_GLOBAL_CTRL', 'clear IA32_BNDCFGS'],
      ...['load IA32_BNDCFGS', 'clear IA32_RTIT_CTL', 'load IA32_RTIT_CTL'],
      ...['clear IA32_LBR_CTL', 'load guest IA32_LBR_CTL', 'clear UINV', 'load UINV'],
      ...['load CET state', 'load PKRS', 'load FRED', 'load IA32_SPEC_CTRL'],
    ],
  ],
  [
    'time of the physical machine is no input of this machine',
    ['VMM bus-lock detection', 'instruction timeout'],
  ],
  [
    'there is no system-management mode',
    ['entry to SMM', 'deactivate dual-monitor treatment', 'activate secondary controls'],
  ],
];

/**
 * Basic exit reasons that never come, and why. Besides, the preemption timer counts in the active and the HLT state
 * only, and host state is not used, so that there is no error 8.
 */
export const absentExits: readonly (readonly [reason: string, numbers: readonly number[]])[] = [
  ['physical interrupts, INIT and start-up IPIs are the hypervisor’s own', [1, 3, 4]],
  ['there is no system-management mode', [5, 6, 17]],
  [
    'nested virtualization is not offered: the instruction is undefined',
    [19, 20, 21, 22, 23, 24, 25, 26, 27, 50, 53],
  ],
  ['the areas of MSRs have no entries', [34]],
  ['there are no machine checks', [41]],
  ['the local APIC is the hypervisor’s, not the processor’s', [44, 45, 56]],
  ['EPT paging structures are not walked', [49, 62, 66]],
  [
    'CPUID does not offer the instruction, which is undefined',
    [11, 55, 59, 60, 63, 64, 65, 67, 68, 69, 70, 72, 73, 76, 77, 78, 79],
  ],
  ['time of the physical machine is no input of this machine', [74, 75]],
];

/** Capability MSRs besides those of the control words (SDM vol. 3, appendix A.1, A.6 to A.8 and A.10). */
export const capabilityMsrs: ReadonlyMap<string, bigint> = new Map([
  // Revision 1, a region of 4 KiB, write-back, INS and OUTS information, TRUE MSRs.
  ['IA32_VMX_BASIC', 1n | (0x1000n << 32n) | (6n << 50n) | (1n << 54n) | (1n << 55n)],
  // EFER.LMA is stored, activity states HLT, shutdown and wait-for-SIPI, four CR3-target values, zero-length injection.
  ['IA32_VMX_MISC', BigInt(preemptionTimerRate) | 0x1e0n | (4n << 16n) | (1n << 30n)],
  // PE and PG are exempt for an unrestricted guest; NE is free.
  ['IA32_VMX_CR0_FIXED0', 0x80000001n],
  ['IA32_VMX_CR0_FIXED1', 0xffffffffn],
  // What an EPT pointer may say: walk length 4, uncacheable and write-back. There are no structures behind it that are
  // walked, so nothing is said of large pages, nor of A and D bits or INVEPT.
  ['IA32_VMX_EPT_VPID_CAP', (1n << 6n) | (1n << 8n) | (1n << 14n)],
  ...controlWords.map(({ capability: { name, value } }) => [name, value] as const),
]);

/** Why there is no control of this name. */
export function reasonWithoutControl(name: string): string {
  const row = unsupportedControls.find(([, names]) => names.includes(name));
  return row?.[0] ?? 'the bit is reserved';
}

/** Encoding of a control word's field. */
export function controlWordEncoding({ field }: ControlWord): number {
  return vmcsEncoding(field);
}
