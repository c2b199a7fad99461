// Table: register names, widths and roles, Intel SDM volume 1, 3.4, and volume 3, 2.

/** One register name. */
export interface Register {
  /** Lower case. */
  readonly name: string;
  readonly widthBits: number;
  /** The register that holds it, where it is a part: `rax` for `al`. */
  readonly partOf?: string;
  /** What it is for, one sentence. */
  readonly role: string;
  readonly section: string;
}

const generalSection = 'SDM vol. 1, 3.4.1';

/** Role of each general register in encoding order, by its 64-bit name. */
const generalRoles: readonly (readonly [string, string])[] = [
  ['rax', 'Accumulator; port I/O, MUL and DIV use it; CPUID leaf; result of a hypercall.'],
  [
    'rcx',
    'Counter of REP, LOOP and shifts; MSR number of RDMSR and WRMSR; control word of a hypercall.',
  ],
  [
    'rdx',
    'Upper half of MUL, DIV, RDMSR and WRMSR; port number of IN and OUT; input of a hypercall.',
  ],
  ['rbx', 'Base register; CPUID answers in it.'],
  ['rsp', 'Stack pointer.'],
  ['rbp', 'Frame pointer by convention.'],
  ['rsi', 'Source of string instructions.'],
  ['rdi', 'Destination of string instructions; a sample guest finds its boot information here.'],
  ['r8', 'General; output (or second input) of a hypercall.'],
  ['r9', 'General.'],
  ['r10', 'General.'],
  ['r11', 'General; SYSCALL saves RFLAGS here.'],
  ['r12', 'General.'],
  ['r13', 'General.'],
  ['r14', 'General.'],
  ['r15', 'General.'],
];

/** Names of the parts of a general register: 32, 16 and low 8 bits. */
function partNames(full: string): readonly [string, string, string] {
  if (/^r\d+$/.test(full)) return [`${full}d`, `${full}w`, `${full}b`];
  const stem = full.slice(1);
  return [`e${stem}`, stem, stem.endsWith('x') ? `${stem.charAt(0)}l` : `${stem}l`];
}

function generalRegister([full, role]: readonly [string, string]): Register[] {
  const [doubleword, word, byte] = partNames(full);
  const section = generalSection;
  const part = (name: string, widthBits: number, where: string): Register => ({
    name,
    widthBits,
    partOf: full,
    role: `${where} of ${full.toUpperCase()}.`,
    section,
  });
  const high = /^r[a-d]x$/.test(full) ? [part(`${full.charAt(1)}h`, 8, 'Bits 15:8')] : [];
  return [
    { name: full, widthBits: 64, role, section },
    part(doubleword, 32, 'Bits 31:0; a write clears the upper half'),
    part(word, 16, 'Bits 15:0'),
    part(byte, 8, 'Bits 7:0'),
    ...high,
  ];
}

function numbered(
  stem: string,
  indexes: readonly number[],
  widthBits: number,
  role: string,
  section: string,
): Register[] {
  return indexes.map((index) => ({ name: `${stem}${index}`, widthBits, role, section }));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const systemRegisters: readonly Register[] = [
  {
    name: 'rip',
    widthBits: 64,
    role: 'Instruction pointer; as base of an address, the address of the next instruction.',
    section: 'SDM vol. 1, 3.5',
  },
  {
    name: 'eip',
    widthBits: 32,
    partOf: 'rip',
    role: 'Bits 31:0 of RIP.',
    section: 'SDM vol. 1, 3.5',
  },
  {
    name: 'cs',
    widthBits: 16,
    role: 'Code segment; its two lowest bits are the current privilege level.',
    section: 'SDM vol. 1, 3.4.2',
  },
  {
    name: 'ds',
    widthBits: 16,
    role: 'Data segment; base and limit are ignored in 64-bit mode.',
    section: 'SDM vol. 1, 3.4.2',
  },
  {
    name: 'es',
    widthBits: 16,
    role: 'Extra segment; base and limit are ignored in 64-bit mode.',
    section: 'SDM vol. 1, 3.4.2',
  },
  {
    name: 'ss',
    widthBits: 16,
    role: 'Stack segment; base and limit are ignored in 64-bit mode.',
    section: 'SDM vol. 1, 3.4.2',
  },
  {
    name: 'fs',
    widthBits: 16,
    role: 'Segment with a base of its own in 64-bit mode (IA32_FS_BASE).',
    section: 'SDM vol. 1, 3.4.2',
  },
  {
    name: 'gs',
    widthBits: 16,
    role: 'Segment with a base of its own in 64-bit mode (IA32_GS_BASE), exchanged by SWAPGS.',
    section: 'SDM vol. 1, 3.4.2',
  },
  {
    name: 'cr0',
    widthBits: 64,
    role: 'Protection, paging, write protection and floating-point control.',
    section: 'SDM vol. 3A, 2.5',
  },
  {
    name: 'cr2',
    widthBits: 64,
    role: 'Linear address of the last page fault.',
    section: 'SDM vol. 3A, 2.5',
  },
  {
    name: 'cr3',
    widthBits: 64,
    role: 'Physical address of the top paging structure; a write drops cached translations.',
    section: 'SDM vol. 3A, 2.5',
  },
  {
    name: 'cr4',
    widthBits: 64,
    role: 'Enables for architectural extensions, PAE and VMXE among them.',
    section: 'SDM vol. 3A, 2.5',
  },
  {
    name: 'cr8',
    widthBits: 64,
    role: 'Task priority: interrupts of this class and below wait.',
    section: 'SDM vol. 3A, 2.5',
  },
  ...numbered(
    'dr',
    [0, 1, 2, 3],
    64,
    'Linear address of a hardware breakpoint.',
    'SDM vol. 3B, 18.2.1',
  ),
  {
    name: 'dr6',
    widthBits: 64,
    role: 'Debug status: which breakpoint was hit.',
    section: 'SDM vol. 3B, 18.2.3',
  },
  {
    name: 'dr7',
    widthBits: 64,
    role: 'Debug control: which breakpoints are on, and for which accesses.',
    section: 'SDM vol. 3B, 18.2.4',
  },
];

/** Every register name that the assembler knows and a guest of this machine can use. */
export const registers: readonly Register[] = [
  ...generalRoles.flatMap(generalRegister),
  ...systemRegisters,
  { name: 'st', widthBits: 80, role: 'Top of the x87 stack.', section: 'SDM vol. 1, 8.1.2' },
  ...numbered('mm', upTo(8), 64, 'MMX register, shared with the x87 stack.', 'SDM vol. 1, 9.2.2'),
  ...numbered('xmm', upTo(16), 128, 'SSE vector register.', 'SDM vol. 1, 10.2.2'),
  ...numbered('ymm', upTo(16), 256, 'AVX vector register.', 'SDM vol. 1, 14.1.1'),
];

const byName = new Map(registers.map((register) => [register.name, register]));

/** The register of a name in any letter case, without AT&T's `%`. */
export function findRegister(name: string): Register | undefined {
  return byName.get(name.toLowerCase());
}
