// Table: exits of SDM vol. 3, 26.1.3, 26.2 and 26.5, by the control of the VMCS that a person edits.

export type Edit = readonly [path: readonly string[], value: string];

/** An instruction, the control that makes it exit, and what the exit says. */
export interface ExitRow {
  readonly instruction: string;
  readonly code: string;
  readonly field: string;
  /** The bit of the field, by its name in the manual; the whole field where it is absent. */
  readonly control?: string;
  /** Values with which the instruction exits, and with which it runs; 1 and 0 where they are absent. */
  readonly exitsWhen?: string;
  readonly runsWhen?: string;
  readonly reason: string;
  /** Qualification, where it is not 0. */
  readonly qualification?: string;
  /** Registers that the instruction needs. */
  readonly registers?: readonly (readonly [name: string, value: string])[];
  /** An instruction that runs before the VMCS is edited. */
  readonly prologue?: string;
  /** What else of the VMCS is set before. */
  readonly before?: readonly Edit[];
  /** VM_EXIT_INTR_INFO, where an event exits. */
  readonly event?: string;
  /** Instructions that run without the exit; 1 where it is absent. */
  readonly steps?: number;
  /** Bytes that RIP has advanced by at the exit. */
  readonly advances?: number;
  /**
   * The guest has no handler for what the instruction raises, so that it ends in a triple fault: without the exit and
   * behind it, or behind it only, where the hypervisor refuses the instruction or has nothing at the port.
   */
  readonly faults?: 'always' | 'behind';
}

export const pin = 'PIN_BASED_VM_EXEC_CONTROL';
const primary = 'CPU_BASED_VM_EXEC_CONTROL';
const secondary = 'SECONDARY_VM_EXEC_CONTROL';

const tables = { field: secondary, control: 'descriptor-table exiting' } as const;
const below = [['rsp', 'rsp - 64']] as const;
const zero = [['rax', '0']] as const;
const lstar = [
  ['rcx', '0xc0000082'],
  ['rax', '0'],
  ['rdx', '0'],
] as const;
const taskSwitched = { field: 'CR0_GUEST_HOST_MASK', exitsWhen: '8', runsWhen: '0' } as const;

/** An address that the guest's page tables do not have. */
const missing = [['rbx', '0x5000000000']] as const;
const undefinedExits: readonly Edit[] = [[['EXCEPTION_BITMAP', '#UD'], '1']];

/** A data segment that is not present; 64-bit code; a gate to it that takes its stack from the table in the TSS. */
const absentData = 'ff ff 00 00 00 12 cf 00';
const longCode = 'ff ff 00 00 00 9b af 00';
const gateToStack1 = '00 00 08 00 01 8e 00 00 00 00 00 00 00 00 00 00';

function exception(control: string) {
  return { field: 'EXCEPTION_BITMAP', control, reason: '0x0', faults: 'always' } as const;
}

function shadow(field: string, value: string): Edit {
  return [[field], value];
}

/** Conditional rows of "which event exits under which control" (SDM vol. 3, 26.1.3, 26.2 and 26.5). */
export const exitRows: readonly ExitRow[] = [
  { instruction: 'HLT', code: 'f4', field: primary, control: 'HLT exiting', reason: '0xc' },
  {
    instruction: 'MWAIT',
    code: '0f 01 c9',
    field: primary,
    control: 'MWAIT exiting',
    reason: '0x24',
    registers: [['rcx', '0']],
    faults: 'behind',
  },
  {
    instruction: 'MONITOR',
    code: '0f 01 c8',
    field: primary,
    control: 'MONITOR exiting',
    reason: '0x27',
    registers: [
      ['rax', 'rsp - 64'],
      ['rcx', '0'],
    ],
    faults: 'behind',
  },
  {
    instruction: 'RDPMC',
    code: '0f 33',
    field: primary,
    control: 'RDPMC exiting',
    reason: '0xf',
    faults: 'always',
  },
  { instruction: 'RDTSC', code: '0f 31', field: primary, control: 'RDTSC exiting', reason: '0x10' },
  {
    instruction: 'RDTSCP',
    code: '0f 01 f9',
    field: primary,
    control: 'RDTSC exiting',
    reason: '0x33',
  },
  {
    instruction: 'INVLPG',
    code: '0f 01 38',
    field: primary,
    control: 'INVLPG exiting',
    reason: '0xe',
    qualification: '0x5000',
    registers: [['rax', '0x5000']],
  },
  {
    instruction: 'INVPCID RAX, [RSP]',
    code: '66 0f 38 82 04 24',
    field: primary,
    control: 'INVLPG exiting',
    reason: '0x3a',
    registers: [
      ['rsp', 'rsp - 64'],
      ['rax', '2'],
    ],
  },
  { instruction: 'PAUSE', code: 'f3 90', field: primary, control: 'PAUSE exiting', reason: '0x28' },
  {
    instruction: 'MOV CR3, RAX',
    code: '0f 22 d8',
    field: primary,
    control: 'CR3-load exiting',
    reason: '0x1c',
    qualification: '0x3',
    registers: [['rax', 'cr3']],
  },
  {
    instruction: 'MOV RAX, CR3',
    code: '0f 20 d8',
    field: primary,
    control: 'CR3-store exiting',
    reason: '0x1c',
    qualification: '0x13',
  },
  {
    instruction: 'MOV CR8, RAX',
    code: '44 0f 22 c0',
    field: primary,
    control: 'CR8-load exiting',
    reason: '0x1c',
    qualification: '0x8',
    registers: zero,
  },
  {
    instruction: 'MOV RAX, CR8',
    code: '44 0f 20 c0',
    field: primary,
    control: 'CR8-store exiting',
    reason: '0x1c',
    qualification: '0x18',
  },
  {
    instruction: 'MOV CR0, RAX',
    code: '0f 22 c0',
    ...taskSwitched,
    before: [shadow('CR0_READ_SHADOW', '0')],
    reason: '0x1c',
    registers: [['rax', 'cr0 | 8']],
  },
  {
    instruction: 'CLTS',
    code: '0f 06',
    ...taskSwitched,
    before: [shadow('CR0_READ_SHADOW', '8')],
    reason: '0x1c',
    qualification: '0x20',
  },
  {
    instruction: 'LMSW AX',
    code: '0f 01 f0',
    ...taskSwitched,
    before: [shadow('CR0_READ_SHADOW', '0')],
    reason: '0x1c',
    qualification: '0x90030',
    registers: [['rax', '9']],
  },
  {
    instruction: 'MOV CR4, RAX',
    code: '0f 22 e0',
    field: 'CR4_GUEST_HOST_MASK',
    exitsWhen: '4',
    runsWhen: '0',
    reason: '0x1c',
    qualification: '0x4',
    registers: [['rax', 'cr4 | 4']],
  },
  {
    instruction: 'MOV RAX, DR0',
    code: '0f 21 c0',
    field: primary,
    control: 'MOV-DR exiting',
    reason: '0x1d',
    qualification: '0x10',
  },
  {
    instruction: 'MOV DR0, RAX',
    code: '0f 23 c0',
    field: primary,
    control: 'MOV-DR exiting',
    reason: '0x1d',
    registers: zero,
  },
  {
    instruction: 'OUT 0x80, AL',
    code: 'e6 80',
    field: primary,
    control: 'unconditional I/O exiting',
    reason: '0x1e',
    qualification: '0x800040',
    faults: 'behind',
  },
  {
    instruction: 'OUTSB to port 0x80',
    code: '6e',
    field: primary,
    control: 'unconditional I/O exiting',
    reason: '0x1e',
    qualification: '0x800010',
    registers: [
      ['rdx', '0x80'],
      ['rsi', 'rsp - 64'],
    ],
    faults: 'behind',
  },
  {
    instruction: 'IN AL, 0x80',
    code: 'e4 80',
    field: primary,
    control: 'use I/O bitmaps',
    before: [[[primary, 'unconditional I/O exiting'], '0']],
    reason: '0x1e',
    qualification: '0x800048',
    faults: 'behind',
  },
  {
    instruction: 'RDMSR',
    code: '0f 32',
    field: primary,
    control: 'use MSR bitmaps',
    exitsWhen: '0',
    runsWhen: '1',
    reason: '0x1f',
    registers: lstar,
  },
  {
    instruction: 'WRMSR',
    code: '0f 30',
    field: primary,
    control: 'use MSR bitmaps',
    exitsWhen: '0',
    runsWhen: '1',
    reason: '0x20',
    registers: lstar,
  },
  { instruction: 'SGDT', code: '0f 01 04 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'SIDT', code: '0f 01 0c 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'LGDT', code: '0f 01 14 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'LIDT', code: '0f 01 1c 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'SLDT', code: '0f 00 c0', ...tables, reason: '0x2f' },
  { instruction: 'STR', code: '0f 00 c8', ...tables, reason: '0x2f' },
  { instruction: 'LLDT', code: '0f 00 d0', ...tables, reason: '0x2f', registers: zero },
  {
    instruction: 'LTR',
    code: '0f 00 d8',
    ...tables,
    reason: '0x2f',
    registers: zero,
    faults: 'always',
  },
  {
    instruction: 'WBINVD',
    code: '0f 09',
    field: secondary,
    control: 'WBINVD exiting',
    reason: '0x36',
  },
  {
    instruction: 'RDRAND',
    code: '0f c7 f0',
    field: secondary,
    control: 'RDRAND exiting',
    reason: '0x39',
  },
  {
    instruction: 'RDSEED',
    code: '0f c7 f8',
    field: secondary,
    control: 'RDSEED exiting',
    reason: '0x3d',
  },
  {
    instruction: 'INT3',
    code: 'cc',
    field: 'EXCEPTION_BITMAP',
    control: '#BP',
    reason: '0x0',
    event: '0x80000603',
    faults: 'always',
  },
  {
    instruction: 'UD2',
    code: '0f 0b',
    field: 'EXCEPTION_BITMAP',
    control: '#UD',
    reason: '0x0',
    event: '0x80000306',
    faults: 'always',
  },
  {
    instruction: 'NOP under the monitor trap flag',
    code: '90',
    field: primary,
    control: 'monitor trap flag',
    reason: '0x25',
    advances: 1,
  },
  {
    instruction: 'NOP with the preemption timer at 0',
    code: '90',
    field: pin,
    control: 'activate VMX-preemption timer',
    reason: '0x34',
    faults: 'behind',
  },
  {
    instruction: 'HLT with the preemption timer',
    code: 'f4',
    field: pin,
    control: 'activate VMX-preemption timer',
    before: [[[primary, 'HLT exiting'], '0']],
    registers: [['VMX_PREEMPTION_TIMER_VALUE', '10']],
    reason: '0x34',
    advances: 1,
    faults: 'behind',
  },
  {
    instruction: 'NOP with interrupts enabled',
    code: '90',
    field: primary,
    control: 'interrupt-window exiting',
    registers: [['rflags', 'rflags | 0x200']],
    reason: '0x7',
  },
  {
    instruction: 'NOP while NMIs are not blocked',
    code: '90',
    field: primary,
    control: 'NMI-window exiting',
    reason: '0x8',
  },
  {
    instruction: 'RDTSCP that is not enabled',
    code: '0f 01 f9',
    field: secondary,
    control: 'enable RDTSCP',
    exitsWhen: '0',
    runsWhen: '1',
    before: undefinedExits,
    reason: '0x0',
    event: '0x80000306',
    faults: 'behind',
  },
  {
    instruction: 'INVPCID that is not enabled',
    code: '66 0f 38 82 04 24',
    field: secondary,
    control: 'enable INVPCID',
    exitsWhen: '0',
    runsWhen: '1',
    before: undefinedExits,
    registers: [
      ['rsp', 'rsp - 64'],
      ['rax', '2'],
    ],
    reason: '0x0',
    event: '0x80000306',
    faults: 'behind',
  },
  {
    instruction: 'DIV by 0',
    code: 'f7 f0',
    ...exception('#DE'),
    registers: zero,
    event: '0x80000300',
  },
  {
    instruction: 'ICEBP',
    code: 'f1',
    ...exception('#DB'),
    event: '0x80000501',
  },
  {
    instruction: 'NOP with RFLAGS.TF',
    code: '90',
    ...exception('#DB'),
    registers: [['rflags', 'rflags | 0x100']],
    qualification: '0x4000',
    event: '0x80000301',
    advances: 1,
  },
  {
    instruction: 'MOV DR0, RAX with DR7.GD',
    code: '0f 23 c0',
    ...exception('#DB'),
    registers: [
      ['rax', '0'],
      ['dr7', '0x2400'],
    ],
    qualification: '0x2000',
    event: '0x80000301',
  },
  {
    instruction: 'PUSH beyond canonical form',
    code: '50',
    ...exception('#SS'),
    registers: [['rsp', '1 << 60']],
    event: '0x80000b0c',
  },
  {
    instruction: 'FLD1 after a task switch',
    code: 'd9 e8',
    ...exception('#NM'),
    registers: [['cr0', 'cr0 | 8']],
    event: '0x80000307',
  },
  {
    instruction: 'UD2 without a handler',
    code: '0f 0b',
    ...exception('#DF'),
    event: '0x80000b08',
  },
  {
    instruction: 'FWAIT behind an FADD of empty registers',
    code: 'd8 c1 9b',
    ...exception('#MF'),
    // FLDCW [RIP], with the word behind it: invalid operations are not masked.
    prologue: 'd9 2d 00 00 00 00 3e 03',
    registers: [['cr0', 'cr0 | 0x20']],
    event: '0x80000310',
    advances: 2,
  },
  {
    instruction: 'DIVPS of 0 by 0',
    code: '0f 5e c0',
    ...exception('#XM'),
    // LDMXCSR [RIP], with the word behind it.
    prologue: '0f ae 15 00 00 00 00 00 1f 00 00',
    registers: [['cr4', 'cr4 | 0x600']],
    event: '0x80000313',
  },
  {
    instruction: 'LTR of the null selector',
    code: '0f 00 d8',
    ...exception('#GP'),
    registers: zero,
    event: '0x80000b0d',
  },
  {
    instruction: 'MOV DS, AX of a segment that is not present',
    // The instruction, padded to eight bytes: the descriptor behind it is the first of its table.
    code: `8e d8 90 90 90 90 90 90 ${absentData}`,
    ...exception('#NP'),
    registers: [
      ['rax', '8'],
      ['GUEST_GDTR_BASE', 'rip'],
      ['GUEST_GDTR_LIMIT', '15'],
    ],
    event: '0x80000b0b',
  },
  {
    instruction: 'INT 1 onto a stack that the TSS has no room for',
    code: `cd 01 90 90 90 90 90 90 ${longCode} ${gateToStack1}`,
    ...exception('#TS'),
    registers: [
      ['GUEST_GDTR_BASE', 'rip'],
      ['GUEST_GDTR_LIMIT', '15'],
      ['GUEST_IDTR_BASE', 'rip'],
      ['GUEST_IDTR_LIMIT', '31'],
      ['GUEST_TR_LIMIT', '0'],
    ],
    event: '0x80000b0a',
  },
  {
    instruction: 'MOV RAX, [0x5000000000]',
    code: '48 8b 03',
    ...exception('#PF'),
    registers: missing,
    qualification: '0x5000000000',
    event: '0x80000b0e',
  },
  {
    instruction: 'a read of a page that is not present, #PF intercepted',
    code: '48 8b 03',
    field: 'PAGE_FAULT_ERROR_CODE_MATCH',
    exitsWhen: '0',
    runsWhen: '1',
    before: [
      [['EXCEPTION_BITMAP', '#PF'], '1'],
      [['PAGE_FAULT_ERROR_CODE_MASK'], '1'],
    ],
    registers: missing,
    reason: '0x0',
    qualification: '0x5000000000',
    event: '0x80000b0e',
    faults: 'always',
  },
  {
    instruction: 'a write to a page that is not present, #PF not intercepted',
    code: '48 89 03',
    field: 'PAGE_FAULT_ERROR_CODE_MASK',
    exitsWhen: '0',
    runsWhen: '2',
    before: [[['PAGE_FAULT_ERROR_CODE_MATCH'], '2']],
    registers: missing,
    reason: '0x0',
    qualification: '0x5000000000',
    event: '0x80000b0e',
    faults: 'always',
  },
  {
    instruction: 'MOV CR3, RAX of a CR3-target value',
    code: '0f 22 d8',
    field: 'CR3_TARGET_COUNT',
    exitsWhen: '0',
    runsWhen: '1',
    before: [
      [[primary, 'CR3-load exiting'], '1'],
      [['CR3_TARGET_VALUE0'], 'cr3'],
    ],
    registers: [['rax', 'cr3']],
    reason: '0x1c',
    qualification: '0x3',
  },
  {
    instruction: 'MOV CR8, RAX below the TPR threshold',
    code: '44 0f 22 c0',
    field: primary,
    control: 'use TPR shadow',
    // MOV CR8, RCX: the threshold must not be above the priority at VM entry.
    prologue: '44 0f 22 c1',
    before: [[['TPR_THRESHOLD'], '3']],
    registers: [
      ['rcx', '5'],
      ['rax', '2'],
    ],
    reason: '0x2b',
    advances: 4,
    faults: 'behind',
  },
  {
    instruction: 'a loop of PAUSE',
    code: 'f3 90 e2 fc',
    field: secondary,
    control: 'PAUSE-loop exiting',
    before: [
      [['PLE_GAP'], '100'],
      [['PLE_WINDOW'], '20'],
    ],
    registers: [['rcx', '30']],
    steps: 41,
    reason: '0x28',
  },
];
