// Table: architectural model-specific registers, Intel SDM volume 4, table 2-2; synthetic ones are joined for look-up.
import { syntheticMsrs } from '../tlfs/synthetic-msrs';
import { fixedRangeMsrs, variableRangeCount, variableRangeMsr } from './memory-types';

/** One MSR. */
export interface Msr {
  readonly number: number;
  /** As the manual spells it. */
  readonly name: string;
  readonly description: string;
  /** Document and section. */
  readonly section: string;
}

function msr(
  number: number,
  name: string,
  description: string,
  section = 'SDM vol. 4, table 2-2',
): Msr {
  return { number, name, description, section };
}

/** Architectural MSRs that guests of this machine and their kernels name, ascending. */
export const architecturalMsrs: readonly Msr[] = [
  msr(
    0x10,
    'IA32_TIME_STAMP_COUNTER',
    'Time-stamp counter, as RDTSC reads it',
    'SDM vol. 3, 18.17',
  ),
  msr(0x17, 'IA32_PLATFORM_ID', 'Which microcode updates suit this processor'),
  msr(
    0x1b,
    'IA32_APIC_BASE',
    'Local APIC address, enable and bootstrap flags',
    'SDM vol. 3, 11.4.4',
  ),
  msr(
    0x3a,
    'IA32_FEATURE_CONTROL',
    'Which features firmware allows, VMX among them',
    'SDM vol. 3, 24.7',
  ),
  msr(0x3b, 'IA32_TSC_ADJUST', 'Offset added to the time-stamp counter', 'SDM vol. 3, 18.17.3'),
  msr(0x48, 'IA32_SPEC_CTRL', 'Speculation control: IBRS, STIBP, SSBD'),
  msr(0x49, 'IA32_PRED_CMD', 'Prediction command: a write is an indirect-branch barrier'),
  msr(0x79, 'IA32_BIOS_UPDT_TRIG', 'A write loads a microcode update'),
  msr(0x8b, 'IA32_BIOS_SIGN_ID', 'Revision of the loaded microcode, bits 63:32'),
  msr(0xc1, 'IA32_PMC0', 'General performance counter 0'),
  msr(0xe7, 'IA32_MPERF', 'Counts at the maximum frequency while the processor is active'),
  msr(0xe8, 'IA32_APERF', 'Counts at the actual frequency while the processor is active'),
  msr(
    0xfe,
    'IA32_MTRRCAP',
    'How many and which memory-type range registers exist',
    'SDM vol. 3, 12.11.1',
  ),
  msr(0x10a, 'IA32_ARCH_CAPABILITIES', 'Which speculation defects the processor does not have'),
  msr(0x174, 'IA32_SYSENTER_CS', 'Code segment that SYSENTER loads', 'SDM vol. 3, 5.8.7'),
  msr(0x175, 'IA32_SYSENTER_ESP', 'Stack pointer that SYSENTER loads', 'SDM vol. 3, 5.8.7'),
  msr(0x176, 'IA32_SYSENTER_EIP', 'Instruction pointer that SYSENTER loads', 'SDM vol. 3, 5.8.7'),
  msr(0x179, 'IA32_MCG_CAP', 'Machine-check capabilities', 'SDM vol. 3, 16.3.1'),
  msr(0x17a, 'IA32_MCG_STATUS', 'Machine-check status', 'SDM vol. 3, 16.3.1'),
  msr(0x186, 'IA32_PERFEVTSEL0', 'Event that performance counter 0 counts'),
  msr(0x1a0, 'IA32_MISC_ENABLE', 'Optional processor features: fast strings, MONITOR, XD disable'),
  msr(0x1d9, 'IA32_DEBUGCTL', 'Branch tracing and single-step on branches', 'SDM vol. 3, 18.4.1'),
  ...Array.from({ length: variableRangeCount }, (_, range) => [
    msr(
      variableRangeMsr + 2 * range,
      `IA32_MTRR_PHYSBASE${range}`,
      `Base and memory type of variable range ${range}`,
      'SDM vol. 3, 12.11.2.3',
    ),
    msr(
      variableRangeMsr + 2 * range + 1,
      `IA32_MTRR_PHYSMASK${range}`,
      `Mask and valid bit of variable range ${range}`,
      'SDM vol. 3, 12.11.2.3',
    ),
  ]).flat(),
  ...fixedRangeMsrs.map(({ number, name, first, rangeBytes }) =>
    msr(
      number,
      `IA32_MTRR_${name}`,
      `Memory types of eight ranges of ${rangeBytes / 1024} KiB from 0x${first.toString(16)} on`,
      'SDM vol. 3, 12.11.2.2',
    ),
  ),
  msr(
    0x277,
    'IA32_PAT',
    'Page attribute table: memory types that page tables select',
    'SDM vol. 3, 12.12.2',
  ),
  msr(
    0x2ff,
    'IA32_MTRR_DEF_TYPE',
    'Default memory type and enable bits of the range registers',
    'SDM vol. 3, 12.11.2.1',
  ),
  msr(0x345, 'IA32_PERF_CAPABILITIES', 'Which performance-monitoring features exist'),
  msr(0x38d, 'IA32_FIXED_CTR_CTRL', 'Control of the fixed performance counters'),
  msr(0x38f, 'IA32_PERF_GLOBAL_CTRL', 'Enables performance counters'),
  msr(0x480, 'IA32_VMX_BASIC', 'VMCS revision, size and memory type', 'SDM vol. 3, appendix A.1'),
  msr(
    0x481,
    'IA32_VMX_PINBASED_CTLS',
    'Allowed settings of the pin-based controls',
    'SDM vol. 3, appendix A.3.1',
  ),
  msr(
    0x482,
    'IA32_VMX_PROCBASED_CTLS',
    'Allowed settings of the primary processor-based controls',
    'SDM vol. 3, appendix A.3.2',
  ),
  msr(
    0x483,
    'IA32_VMX_EXIT_CTLS',
    'Allowed settings of the VM-exit controls',
    'SDM vol. 3, appendix A.4',
  ),
  msr(
    0x484,
    'IA32_VMX_ENTRY_CTLS',
    'Allowed settings of the VM-entry controls',
    'SDM vol. 3, appendix A.5',
  ),
  msr(0x485, 'IA32_VMX_MISC', 'Miscellaneous VMX data', 'SDM vol. 3, appendix A.6'),
  msr(
    0x486,
    'IA32_VMX_CR0_FIXED0',
    'CR0 bits that VMX operation fixes to 1',
    'SDM vol. 3, appendix A.7',
  ),
  msr(
    0x487,
    'IA32_VMX_CR0_FIXED1',
    'CR0 bits that may be 1 in VMX operation',
    'SDM vol. 3, appendix A.7',
  ),
  msr(
    0x488,
    'IA32_VMX_CR4_FIXED0',
    'CR4 bits that VMX operation fixes to 1',
    'SDM vol. 3, appendix A.8',
  ),
  msr(
    0x489,
    'IA32_VMX_CR4_FIXED1',
    'CR4 bits that may be 1 in VMX operation',
    'SDM vol. 3, appendix A.8',
  ),
  msr(0x48a, 'IA32_VMX_VMCS_ENUM', 'Highest index of a VMCS field', 'SDM vol. 3, appendix A.9'),
  msr(
    0x48b,
    'IA32_VMX_PROCBASED_CTLS2',
    'Allowed settings of the secondary processor-based controls',
    'SDM vol. 3, appendix A.3.3',
  ),
  msr(0x48c, 'IA32_VMX_EPT_VPID_CAP', 'EPT and VPID capabilities', 'SDM vol. 3, appendix A.10'),
  msr(
    0x6e0,
    'IA32_TSC_DEADLINE',
    'TSC value at which the local APIC timer fires',
    'SDM vol. 3, 11.5.4.1',
  ),
  msr(0x802, 'IA32_X2APIC_APICID', 'Local APIC identifier in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x803, 'IA32_X2APIC_VERSION', 'Local APIC version in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x808, 'IA32_X2APIC_TPR', 'Task priority in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x80a, 'IA32_X2APIC_PPR', 'Processor priority in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x80b, 'IA32_X2APIC_EOI', 'End of interrupt in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x80d, 'IA32_X2APIC_LDR', 'Logical destination in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x80f, 'IA32_X2APIC_SIVR', 'Spurious-interrupt vector in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(
    0x810,
    'IA32_X2APIC_ISR0',
    'In-service vectors 0 to 31 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x811,
    'IA32_X2APIC_ISR1',
    'In-service vectors 32 to 63 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x812,
    'IA32_X2APIC_ISR2',
    'In-service vectors 64 to 95 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x813,
    'IA32_X2APIC_ISR3',
    'In-service vectors 96 to 127 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x814,
    'IA32_X2APIC_ISR4',
    'In-service vectors 128 to 159 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x815,
    'IA32_X2APIC_ISR5',
    'In-service vectors 160 to 191 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x816,
    'IA32_X2APIC_ISR6',
    'In-service vectors 192 to 223 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x817,
    'IA32_X2APIC_ISR7',
    'In-service vectors 224 to 255 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x818,
    'IA32_X2APIC_TMR0',
    'Trigger modes of vectors 0 to 31 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x819,
    'IA32_X2APIC_TMR1',
    'Trigger modes of vectors 32 to 63 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x81a,
    'IA32_X2APIC_TMR2',
    'Trigger modes of vectors 64 to 95 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x81b,
    'IA32_X2APIC_TMR3',
    'Trigger modes of vectors 96 to 127 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x81c,
    'IA32_X2APIC_TMR4',
    'Trigger modes of vectors 128 to 159 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x81d,
    'IA32_X2APIC_TMR5',
    'Trigger modes of vectors 160 to 191 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x81e,
    'IA32_X2APIC_TMR6',
    'Trigger modes of vectors 192 to 223 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x81f,
    'IA32_X2APIC_TMR7',
    'Trigger modes of vectors 224 to 255 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(0x820, 'IA32_X2APIC_IRR0', 'Requested vectors 0 to 31 in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(
    0x821,
    'IA32_X2APIC_IRR1',
    'Requested vectors 32 to 63 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x822,
    'IA32_X2APIC_IRR2',
    'Requested vectors 64 to 95 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x823,
    'IA32_X2APIC_IRR3',
    'Requested vectors 96 to 127 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x824,
    'IA32_X2APIC_IRR4',
    'Requested vectors 128 to 159 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x825,
    'IA32_X2APIC_IRR5',
    'Requested vectors 160 to 191 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x826,
    'IA32_X2APIC_IRR6',
    'Requested vectors 192 to 223 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x827,
    'IA32_X2APIC_IRR7',
    'Requested vectors 224 to 255 in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(0x828, 'IA32_X2APIC_ESR', 'Error status in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(
    0x82f,
    'IA32_X2APIC_LVT_CMCI',
    'LVT entry of corrected machine checks in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(0x830, 'IA32_X2APIC_ICR', 'Interrupt command in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(
    0x832,
    'IA32_X2APIC_LVT_TIMER',
    'LVT entry of the timer in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x833,
    'IA32_X2APIC_LVT_THERMAL',
    'LVT entry of the thermal sensor in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x834,
    'IA32_X2APIC_LVT_PMI',
    'LVT entry of performance monitoring in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(0x835, 'IA32_X2APIC_LVT_LINT0', 'LVT entry of LINT0 in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x836, 'IA32_X2APIC_LVT_LINT1', 'LVT entry of LINT1 in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(0x837, 'IA32_X2APIC_LVT_ERROR', 'LVT entry of errors in x2APIC mode', 'SDM vol. 3, 11.12.1'),
  msr(
    0x838,
    'IA32_X2APIC_INIT_COUNT',
    'Initial count of the timer in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x839,
    'IA32_X2APIC_CUR_COUNT',
    'Current count of the timer in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x83e,
    'IA32_X2APIC_DIV_CONF',
    'Divide configuration of the timer in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(
    0x83f,
    'IA32_X2APIC_SELF_IPI',
    'Interrupt to the own processor in x2APIC mode',
    'SDM vol. 3, 11.12.1',
  ),
  msr(0xda0, 'IA32_XSS', 'Supervisor state components that XSAVES saves', 'SDM vol. 1, 13.3'),
  msr(
    0xc0000080,
    'IA32_EFER',
    'Long mode, SYSCALL and execute-disable enables',
    'SDM vol. 3, 2.2.1',
  ),
  msr(
    0xc0000081,
    'IA32_STAR',
    'Segment selectors that SYSCALL and SYSRET load',
    'SDM vol. 3, 5.8.8',
  ),
  msr(
    0xc0000082,
    'IA32_LSTAR',
    'Instruction pointer that SYSCALL loads in 64-bit mode',
    'SDM vol. 3, 5.8.8',
  ),
  msr(
    0xc0000083,
    'IA32_CSTAR',
    'Instruction pointer of SYSCALL in compatibility mode, not used by Intel processors',
    'SDM vol. 3, 5.8.8',
  ),
  msr(0xc0000084, 'IA32_FMASK', 'RFLAGS bits that SYSCALL clears', 'SDM vol. 3, 5.8.8'),
  msr(0xc0000100, 'IA32_FS_BASE', 'Base address of FS', 'SDM vol. 3, 3.4.4'),
  msr(0xc0000101, 'IA32_GS_BASE', 'Base address of GS', 'SDM vol. 3, 3.4.4'),
  msr(
    0xc0000102,
    'IA32_KERNEL_GS_BASE',
    'Value that SWAPGS exchanges with the base of GS',
    'SDM vol. 3, 5.8.8',
  ),
  msr(0xc0000103, 'IA32_TSC_AUX', 'Value that RDTSCP and RDPID return', 'SDM vol. 3, 18.17.2'),
];

/** Architectural and Hyper-V synthetic MSRs together. */
export const msrs: readonly Msr[] = [...architecturalMsrs, ...syntheticMsrs].sort(
  (a, b) => a.number - b.number,
);

/** Rows by MSR number. */
export const msrByNumber: ReadonlyMap<number, Msr> = new Map(msrs.map((row) => [row.number, row]));

/** Rows by name. */
export const msrByName: ReadonlyMap<string, Msr> = new Map(msrs.map((row) => [row.name, row]));

/** Value of IA32_MISC_ENABLE after reset: fast strings (SDM vol. 4, table 2-2). */
export const miscellaneousEnablesReset = 1n;

/** Value of IA32_PAT after reset (SDM vol. 3, table 12-12). */
export const patResetValue = 0x0007040600070406n;
