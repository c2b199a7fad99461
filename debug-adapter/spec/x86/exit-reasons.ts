// Table: basic exit reasons, Intel SDM volume 3, appendix C; qualification layouts, section 28.2.1.
import { bit, bits, type BitField } from '../../support/bit-field';

/** What EXIT_QUALIFICATION holds for an exit reason. */
export type QualificationLayout =
  | { readonly kind: 'none' }
  /** A linear address. */
  | { readonly kind: 'address'; readonly name: string }
  /** The displacement of the instruction's memory operand. */
  | { readonly kind: 'displacement' }
  | { readonly kind: 'bits'; readonly fields: readonly BitField[] };

/** One basic exit reason. */
export interface ExitReason {
  /** Bits 15:0 of VM_EXIT_REASON. */
  readonly number: number;
  /** Constant name, for breakpoints: `exit:EPT_VIOLATION`. */
  readonly name: string;
  /** The SDM's name, for people. */
  readonly text: string;
  /** Whether VM_EXIT_INSTRUCTION_LEN is valid. */
  readonly hasInstructionLength: boolean;
  readonly qualification: QualificationLayout;
}

const generalRegisters = {
  0: 'RAX',
  1: 'RCX',
  2: 'RDX',
  3: 'RBX',
  4: 'RSP',
  5: 'RBP',
  6: 'RSI',
  7: 'RDI',
  8: 'R8',
  9: 'R9',
  10: 'R10',
  11: 'R11',
  12: 'R12',
  13: 'R13',
  14: 'R14',
  15: 'R15',
};

const none: QualificationLayout = { kind: 'none' };
const displacement: QualificationLayout = { kind: 'displacement' };

function address(name: string): QualificationLayout {
  return { kind: 'address', name };
}

function layout(...fields: BitField[]): QualificationLayout {
  return { kind: 'bits', fields };
}

/** Exit 28 (SDM vol. 3, table 28-3). */
export const crAccessQualification = {
  register: bits(3, 0, 'control register', { 0: 'CR0', 3: 'CR3', 4: 'CR4', 8: 'CR8' }),
  accessType: bits(5, 4, 'access type', {
    0: 'MOV to CR',
    1: 'MOV from CR',
    2: 'CLTS',
    3: 'LMSW',
  }),
  lmswOperand: bits(6, 6, 'LMSW operand type', { 0: 'register', 1: 'memory' }),
  general: bits(11, 8, 'general register', generalRegisters),
  lmswSource: bits(31, 16, 'LMSW source data'),
} as const;

/** Exit 29 (SDM vol. 3, table 28-4). */
const debugRegisterAccess = layout(
  bits(2, 0, 'debug register'),
  bits(4, 4, 'direction', { 0: 'MOV to DR', 1: 'MOV from DR' }),
  bits(11, 8, 'general register', generalRegisters),
);

/** Exit 30 (SDM vol. 3, table 28-5). */
export const ioQualification = {
  size: bits(2, 0, 'size', { 0: '1 byte', 1: '2 bytes', 3: '4 bytes' }),
  direction: bits(3, 3, 'direction', { 0: 'OUT', 1: 'IN' }),
  string: bits(4, 4, 'string', { 0: 'not string', 1: 'string' }),
  rep: bits(5, 5, 'REP', { 0: 'not REP', 1: 'REP' }),
  operand: bits(6, 6, 'operand encoding', { 0: 'DX', 1: 'immediate' }),
  port: bits(31, 16, 'port'),
} as const;

/** Exit 48 (SDM vol. 3, table 28-7). */
export const eptViolationQualification = {
  read: bit(0, 'data read'),
  write: bit(1, 'data write'),
  fetch: bit(2, 'instruction fetch'),
  readable: bit(3, 'readable'),
  writable: bit(4, 'writable'),
  executable: bit(5, 'executable'),
  userExecutable: bit(6, 'executable for user mode'),
  linearAddressValid: bit(7, 'guest linear address valid'),
  translated: bits(8, 8, 'access', { 0: 'page walk', 1: 'translated address' }),
  nmiUnblocking: bit(12, 'NMI unblocking due to IRET'),
} as const;

/** Exit 9 (SDM vol. 3, table 28-2). */
const taskSwitch = layout(
  bits(15, 0, 'TSS selector'),
  bits(31, 30, 'source', { 0: 'CALL', 1: 'IRET', 2: 'JMP', 3: 'task gate in IDT' }),
);

/** Exit 44 (SDM vol. 3, table 28-6). */
const apicAccess = layout(
  bits(11, 0, 'offset'),
  bits(15, 12, 'access type', {
    0: 'linear read',
    1: 'linear write',
    2: 'linear instruction fetch',
    3: 'linear during event delivery',
    10: 'physical during event delivery',
    15: 'physical for an instruction',
  }),
);

function reason(
  number: number,
  name: string,
  text: string,
  length: 'length' | '' = '',
  qualification: QualificationLayout = none,
): ExitReason {
  return { number, name, text, hasInstructionLength: length === 'length', qualification };
}

/** Every basic exit reason, ascending. Numbers that the SDM reserves are absent. */
export const exitReasons: readonly ExitReason[] = [
  // The instruction length is valid for software exceptions only; the qualification for #PF and #DB.
  reason(
    0,
    'EXCEPTION_NMI',
    'Exception or non-maskable interrupt (NMI)',
    '',
    address('linear address (#PF)'),
  ),
  reason(1, 'EXTERNAL_INTERRUPT', 'External interrupt'),
  reason(2, 'TRIPLE_FAULT', 'Triple fault'),
  reason(3, 'INIT_SIGNAL', 'INIT signal'),
  reason(4, 'SIPI_SIGNAL', 'Start-up IPI (SIPI)', '', layout(bits(7, 0, 'vector'))),
  reason(5, 'IO_SMI', 'I/O system-management interrupt (SMI)'),
  reason(6, 'OTHER_SMI', 'Other SMI'),
  reason(7, 'INTERRUPT_WINDOW', 'Interrupt window'),
  reason(8, 'NMI_WINDOW', 'NMI window'),
  reason(9, 'TASK_SWITCH', 'Task switch', 'length', taskSwitch),
  reason(10, 'CPUID', 'CPUID', 'length'),
  reason(11, 'GETSEC', 'GETSEC', 'length'),
  reason(12, 'HLT', 'HLT', 'length'),
  reason(13, 'INVD', 'INVD', 'length'),
  reason(14, 'INVLPG', 'INVLPG', 'length', address('linear address')),
  reason(15, 'RDPMC', 'RDPMC', 'length'),
  reason(16, 'RDTSC', 'RDTSC', 'length'),
  reason(17, 'RSM', 'RSM'),
  reason(18, 'VMCALL', 'VMCALL', 'length'),
  reason(19, 'VMCLEAR', 'VMCLEAR', 'length', displacement),
  reason(20, 'VMLAUNCH', 'VMLAUNCH', 'length'),
  reason(21, 'VMPTRLD', 'VMPTRLD', 'length', displacement),
  reason(22, 'VMPTRST', 'VMPTRST', 'length', displacement),
  reason(23, 'VMREAD', 'VMREAD', 'length', displacement),
  reason(24, 'VMRESUME', 'VMRESUME', 'length'),
  reason(25, 'VMWRITE', 'VMWRITE', 'length', displacement),
  reason(26, 'VMXOFF', 'VMXOFF', 'length'),
  reason(27, 'VMXON', 'VMXON', 'length', displacement),
  reason(
    28,
    'CR_ACCESS',
    'Control-register accesses',
    'length',
    layout(...Object.values(crAccessQualification)),
  ),
  reason(29, 'DR_ACCESS', 'MOV DR', 'length', debugRegisterAccess),
  reason(
    30,
    'IO_INSTRUCTION',
    'I/O instruction',
    'length',
    layout(...Object.values(ioQualification)),
  ),
  reason(31, 'MSR_READ', 'RDMSR', 'length'),
  reason(32, 'MSR_WRITE', 'WRMSR', 'length'),
  reason(33, 'INVALID_STATE', 'VM-entry failure due to invalid guest state'),
  reason(
    34,
    'MSR_LOAD_FAIL',
    'VM-entry failure due to MSR loading',
    '',
    layout(bits(31, 0, 'entry index, from 1')),
  ),
  reason(36, 'MWAIT', 'MWAIT', 'length', layout(bit(0, 'monitor armed'))),
  reason(37, 'MONITOR_TRAP_FLAG', 'Monitor trap flag'),
  reason(39, 'MONITOR', 'MONITOR', 'length'),
  reason(40, 'PAUSE', 'PAUSE', 'length'),
  reason(41, 'MCE_DURING_VMENTRY', 'VM-entry failure due to machine-check event'),
  reason(43, 'TPR_BELOW_THRESHOLD', 'TPR below threshold'),
  reason(44, 'APIC_ACCESS', 'APIC access', 'length', apicAccess),
  reason(45, 'EOI_INDUCED', 'Virtualized EOI', '', layout(bits(7, 0, 'vector'))),
  reason(46, 'GDTR_IDTR', 'Access to GDTR or IDTR', 'length', displacement),
  reason(47, 'LDTR_TR', 'Access to LDTR or TR', 'length', displacement),
  reason(
    48,
    'EPT_VIOLATION',
    'EPT violation',
    '',
    layout(...Object.values(eptViolationQualification)),
  ),
  reason(49, 'EPT_MISCONFIG', 'EPT misconfiguration'),
  reason(50, 'INVEPT', 'INVEPT', 'length', displacement),
  reason(51, 'RDTSCP', 'RDTSCP', 'length'),
  reason(52, 'PREEMPTION_TIMER', 'VMX-preemption timer expired'),
  reason(53, 'INVVPID', 'INVVPID', 'length', displacement),
  reason(54, 'WBINVD', 'WBINVD or WBNOINVD', 'length'),
  reason(55, 'XSETBV', 'XSETBV', 'length'),
  reason(56, 'APIC_WRITE', 'APIC write', '', layout(bits(11, 0, 'page offset'))),
  reason(57, 'RDRAND', 'RDRAND', 'length'),
  reason(58, 'INVPCID', 'INVPCID', 'length', displacement),
  reason(59, 'VMFUNC', 'VMFUNC', 'length'),
  reason(60, 'ENCLS', 'ENCLS', 'length'),
  reason(61, 'RDSEED', 'RDSEED', 'length'),
  reason(
    62,
    'PML_FULL',
    'Page-modification log full',
    '',
    layout(bit(12, 'NMI unblocking due to IRET')),
  ),
  reason(63, 'XSAVES', 'XSAVES', 'length', displacement),
  reason(64, 'XRSTORS', 'XRSTORS', 'length', displacement),
  reason(65, 'PCONFIG', 'PCONFIG', 'length'),
  reason(66, 'SPP_EVENT', 'SPP-related event'),
  reason(67, 'UMWAIT', 'UMWAIT', 'length'),
  reason(68, 'TPAUSE', 'TPAUSE', 'length'),
  reason(69, 'LOADIWKEY', 'LOADIWKEY', 'length'),
  reason(70, 'ENCLV', 'ENCLV', 'length'),
  reason(72, 'ENQCMD_PASID', 'ENQCMD PASID translation failure'),
  reason(73, 'ENQCMDS_PASID', 'ENQCMDS PASID translation failure'),
  reason(74, 'BUS_LOCK', 'Bus lock'),
  reason(
    75,
    'NOTIFY',
    'Instruction timeout',
    '',
    layout(bit(0, 'VM context invalid'), bit(12, 'NMI unblocking due to IRET')),
  ),
  reason(76, 'SEAMCALL', 'SEAMCALL', 'length'),
  reason(77, 'TDCALL', 'TDCALL', 'length'),
  reason(78, 'RDMSRLIST', 'RDMSRLIST', 'length'),
  reason(79, 'WRMSRLIST', 'WRMSRLIST', 'length'),
];

/** Rows by basic exit reason. */
export const exitReasonByNumber: ReadonlyMap<number, ExitReason> = new Map(
  exitReasons.map((row) => [row.number, row]),
);

/** Rows by constant name. */
export const exitReasonByName: ReadonlyMap<string, ExitReason> = new Map(
  exitReasons.map((row) => [row.name, row]),
);

/** Numbers of the exit reasons that this machine can produce, by name. */
export const ExitReasonNumber = {
  EXCEPTION_NMI: 0,
  TRIPLE_FAULT: 2,
  INTERRUPT_WINDOW: 7,
  NMI_WINDOW: 8,
  TASK_SWITCH: 9,
  CPUID: 10,
  HLT: 12,
  INVD: 13,
  INVLPG: 14,
  RDPMC: 15,
  RDTSC: 16,
  VMCALL: 18,
  CR_ACCESS: 28,
  DR_ACCESS: 29,
  IO_INSTRUCTION: 30,
  MSR_READ: 31,
  MSR_WRITE: 32,
  INVALID_STATE: 33,
  MWAIT: 36,
  MONITOR_TRAP_FLAG: 37,
  MONITOR: 39,
  PAUSE: 40,
  TPR_BELOW_THRESHOLD: 43,
  GDTR_IDTR: 46,
  LDTR_TR: 47,
  EPT_VIOLATION: 48,
  RDTSCP: 51,
  PREEMPTION_TIMER: 52,
  WBINVD: 54,
  XSETBV: 55,
  RDRAND: 57,
  INVPCID: 58,
  RDSEED: 61,
} as const;

/** Bits of VM_EXIT_REASON above the basic reason (SDM vol. 3, table 25-18). */
export const exitReasonFlags: readonly BitField[] = [
  bits(15, 0, 'basic exit reason'),
  bit(25, 'shadow stack prematurely busy'),
  bit(26, 'bus lock asserted'),
  bit(27, 'enclave mode'),
  bit(28, 'pending MTF VM exit'),
  bit(29, 'exit from VMX root operation'),
  bit(31, 'VM-entry failure'),
];
