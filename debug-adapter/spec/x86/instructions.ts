// Table: instructions by mnemonic, Intel SDM volume 2 (VMX instructions: volume 3, chapter 31); summaries in own words.

/** Who may execute an instruction; anyone else gets #GP(0), or #UD for VMX instructions outside VMX operation. */
export type InstructionPrivilege =
  'any' | 'CPL 0' | 'CPL ≤ IOPL' | 'CPL 0 or as CR4 allows' | 'VMX root';

/** One instruction as a person who reads assembly wants to know it. */
export interface Instruction {
  /** Lower case, Intel's name. */
  readonly mnemonic: string;
  /** One sentence: what it does. */
  readonly summary: string;
  /** Operand forms in Intel order, separated by ` | `; empty where there are no operands. */
  readonly operands: string;
  /** What happens to the arithmetic flags. */
  readonly flags: string;
  readonly privilege: InstructionPrivilege;
  /** Names of the VM exits it can cause in a guest, as in `spec/x86/exit-reasons.ts`. */
  readonly exits: readonly string[];
  /** Document and heading. */
  readonly section: string;
}

interface Traits {
  readonly flags?: string;
  readonly privilege?: InstructionPrivilege;
  readonly exits?: readonly string[];
  /** Heading in the manual, where it is not the mnemonic. */
  readonly heading?: string;
  readonly section?: string;
}

/** Volume 2 is split by the first letter of the heading. */
function volumeOf(heading: string): string {
  const letter = heading.charAt(0).toUpperCase();
  if (letter <= 'L') return '2A';
  if (letter <= 'U') return '2B';
  return letter === 'V' ? '2C' : '2D';
}

function row(
  mnemonic: string,
  operands: string,
  summary: string,
  traits: Traits = {},
): Instruction {
  const heading = traits.heading ?? mnemonic.toUpperCase();
  return {
    mnemonic,
    summary,
    operands,
    flags: traits.flags ?? 'unchanged',
    privilege: traits.privilege ?? 'any',
    exits: traits.exits ?? [],
    section: traits.section ?? `SDM vol. ${volumeOf(heading)}, ${heading}`,
  };
}

const arithmetic = 'OF SF ZF AF PF CF by the result';
const arithmeticKeepsCarry = 'OF SF ZF AF PF by the result; CF unchanged';
const logic = 'SF ZF PF by the result; OF CF = 0; AF undefined';
const shift =
  'CF = last bit out; SF ZF PF by the result; OF by one-bit shifts; all unchanged for a count of 0';
const rotate = 'CF = bit carried round; OF by one-bit rotates; others unchanged';
const product = 'OF CF = upper half is needed; SF ZF AF PF undefined';
const allUndefined = 'OF SF ZF AF PF CF undefined';
const carryOnly = 'CF = the bit tested; OF SF AF PF undefined';
const zeroOnly = 'ZF = source is zero; others undefined';
const binary = 'r, r/m | r/m, r | r/m, imm';
const rotation = 'r/m, 1 | r/m, cl | r/m, imm8';

const ring0: Traits = { privilege: 'CPL 0' };

/** Condition codes in encoding order, with every name, and what they test (SDM vol. 1, appendix B). */
export const conditionCodes: readonly {
  readonly names: readonly string[];
  readonly test: string;
}[] = [
  { names: ['o'], test: 'overflow (OF = 1)' },
  { names: ['no'], test: 'no overflow (OF = 0)' },
  { names: ['b', 'c', 'nae'], test: 'below, unsigned (CF = 1)' },
  { names: ['ae', 'nb', 'nc'], test: 'above or equal, unsigned (CF = 0)' },
  { names: ['e', 'z'], test: 'equal, zero (ZF = 1)' },
  { names: ['ne', 'nz'], test: 'not equal, not zero (ZF = 0)' },
  { names: ['be', 'na'], test: 'below or equal, unsigned (CF = 1 or ZF = 1)' },
  { names: ['a', 'nbe'], test: 'above, unsigned (CF = 0 and ZF = 0)' },
  { names: ['s'], test: 'negative (SF = 1)' },
  { names: ['ns'], test: 'not negative (SF = 0)' },
  { names: ['p', 'pe'], test: 'even parity (PF = 1)' },
  { names: ['np', 'po'], test: 'odd parity (PF = 0)' },
  { names: ['l', 'nge'], test: 'less, signed (SF ≠ OF)' },
  { names: ['ge', 'nl'], test: 'greater or equal, signed (SF = OF)' },
  { names: ['le', 'ng'], test: 'less or equal, signed (ZF = 1 or SF ≠ OF)' },
  { names: ['g', 'nle'], test: 'greater, signed (ZF = 0 and SF = OF)' },
];

const conditional: readonly Instruction[] = conditionCodes.flatMap(({ names, test }) =>
  names.flatMap((name) => [
    row(`j${name}`, 'rel8 | rel32', `Jumps if ${test}.`, { heading: 'Jcc' }),
    row(`set${name}`, 'r/m8', `Sets a byte to 1 if ${test}, else to 0.`, { heading: 'SETcc' }),
    row(`cmov${name}`, 'r, r/m', `Moves if ${test}; the source is read in any case.`, {
      heading: 'CMOVcc',
    }),
  ]),
);

const dataMovement: readonly Instruction[] = [
  row(
    'mov',
    'r, r/m | r/m, r | r/m, imm | r, CRn | CRn, r | r, DRn | sreg, r/m',
    'Copies the source to the destination; moves to control and debug registers need CPL 0.',
    { exits: ['CR_ACCESS', 'DR_ACCESS'] },
  ),
  row(
    'movabs',
    'r64, imm64 | rax, moffs64',
    'MOV with a full 64-bit immediate or address (GNU name).',
    { heading: 'MOV' },
  ),
  row('movzx', 'r, r/m8 | r, r/m16', 'Copies a smaller value and fills the upper bits with zeros.'),
  row('movsx', 'r, r/m8 | r, r/m16', 'Copies a smaller value and repeats its sign bit upwards.', {
    heading: 'MOVSX/MOVSXD',
  }),
  row('movsxd', 'r64, r/m32', 'Copies a 32-bit value and repeats its sign bit upwards.', {
    heading: 'MOVSX/MOVSXD',
  }),
  row('movbe', 'r, m | m, r', 'Copies between memory and a register with the bytes reversed.'),
  row('movnti', 'm, r', 'Stores a register past the caches.'),
  row('lea', 'r, m', 'Computes the address of a memory operand without touching memory.'),
  row('xchg', 'r/m, r', 'Exchanges two operands; with memory it is atomic even without LOCK.'),
  row('xadd', 'r/m, r', 'Adds, and leaves the old destination in the source register.', {
    flags: arithmetic,
  }),
  row(
    'cmpxchg',
    'r/m, r',
    'Compares the accumulator with the destination: equal, stores the source there; not equal, loads the accumulator.',
    { flags: 'as CMP; ZF = exchanged' },
  ),
  row(
    'cmpxchg8b',
    'm64',
    'Compares EDX:EAX with memory: equal, stores ECX:EBX; not equal, loads EDX:EAX.',
    { flags: 'ZF = exchanged; others unchanged', heading: 'CMPXCHG8B/CMPXCHG16B' },
  ),
  row(
    'cmpxchg16b',
    'm128',
    'Compares RDX:RAX with memory: equal, stores RCX:RBX; not equal, loads RDX:RAX.',
    { flags: 'ZF = exchanged; others unchanged', heading: 'CMPXCHG8B/CMPXCHG16B' },
  ),
  row('bswap', 'r32 | r64', 'Reverses the bytes of a register.'),
  row('push', 'r/m64 | imm | fs | gs', 'Lowers RSP and stores a value there.'),
  row('pop', 'r/m64 | fs | gs', 'Loads the value at RSP and raises RSP.'),
  row('pushf', '', 'Pushes the flags.', { heading: 'PUSHF/PUSHFD/PUSHFQ' }),
  row('pushfq', '', 'Pushes RFLAGS.', { heading: 'PUSHF/PUSHFD/PUSHFQ' }),
  row('popf', '', 'Pops the flags; IF and IOPL change only with enough privilege.', {
    flags: 'all from the stack',
    heading: 'POPF/POPFD/POPFQ',
  }),
  row('popfq', '', 'Pops RFLAGS; IF and IOPL change only with enough privilege.', {
    flags: 'all from the stack',
    heading: 'POPF/POPFD/POPFQ',
  }),
  row('pusha', '', 'Pushes all general registers; not in 64-bit mode.', {
    heading: 'PUSHA/PUSHAD',
  }),
  row('popa', '', 'Pops all general registers; not in 64-bit mode.', { heading: 'POPA/POPAD' }),
  row('cbw', '', 'Extends the sign of AL into AX.', { heading: 'CBW/CWDE/CDQE' }),
  row('cwde', '', 'Extends the sign of AX into EAX.', { heading: 'CBW/CWDE/CDQE' }),
  row('cdqe', '', 'Extends the sign of EAX into RAX.', { heading: 'CBW/CWDE/CDQE' }),
  row('cwd', '', 'Fills DX with the sign of AX.', { heading: 'CWD/CDQ/CQO' }),
  row('cdq', '', 'Fills EDX with the sign of EAX.', { heading: 'CWD/CDQ/CQO' }),
  row('cqo', '', 'Fills RDX with the sign of RAX.', { heading: 'CWD/CDQ/CQO' }),
  row('lahf', '', 'Loads SF ZF AF PF CF into AH.'),
  row('sahf', '', 'Stores AH into SF ZF AF PF CF.', { flags: 'SF ZF AF PF CF from AH' }),
  row('xlat', '', 'Replaces AL by the byte at [RBX + AL].', { heading: 'XLAT/XLATB' }),
  row('xlatb', '', 'Replaces AL by the byte at [RBX + AL].', { heading: 'XLAT/XLATB' }),
];

const arithmeticAndLogic: readonly Instruction[] = [
  row('add', binary, 'Adds the source to the destination.', { flags: arithmetic }),
  row('adc', binary, 'Adds the source and the carry flag.', { flags: arithmetic }),
  row('adcx', 'r, r/m', 'Adds with CF as carry in and out, leaving the other flags.', {
    flags: 'CF only',
  }),
  row('adox', 'r, r/m', 'Adds with OF as carry in and out, leaving the other flags.', {
    flags: 'OF only',
  }),
  row('sub', binary, 'Subtracts the source from the destination.', { flags: arithmetic }),
  row('sbb', binary, 'Subtracts the source and the borrow (CF).', { flags: arithmetic }),
  row('cmp', binary, 'Subtracts only to set the flags.', { flags: arithmetic }),
  row('inc', 'r/m', 'Adds one.', { flags: arithmeticKeepsCarry }),
  row('dec', 'r/m', 'Subtracts one.', { flags: arithmeticKeepsCarry }),
  row('neg', 'r/m', 'Negates: zero minus the operand.', {
    flags: `${arithmetic}; CF = operand was not zero`,
  }),
  row('not', 'r/m', 'Inverts every bit.'),
  row('and', binary, 'Bitwise AND.', { flags: logic }),
  row('or', binary, 'Bitwise OR.', { flags: logic }),
  row('xor', binary, 'Bitwise exclusive OR; with itself, the short way to zero a register.', {
    flags: logic,
  }),
  row('test', 'r/m, r | r/m, imm', 'Bitwise AND only to set the flags.', { flags: logic }),
  row('andn', 'r, r, r/m', 'Inverts the first source and ANDs it with the second.', {
    flags: 'SF ZF by the result; OF CF = 0; AF PF undefined',
  }),
  row('mul', 'r/m', 'Multiplies the accumulator, unsigned, into a double-width result (RDX:RAX).', {
    flags: product,
  }),
  row('imul', 'r/m | r, r/m | r, r/m, imm', 'Multiplies, signed.', {
    flags: 'OF CF = result was truncated or needs its upper half; others undefined',
  }),
  row('mulx', 'r, r, r/m', 'Multiplies RDX, unsigned, into two registers without flags.'),
  row(
    'div',
    'r/m',
    'Divides RDX:RAX, unsigned: quotient to RAX, remainder to RDX; #DE for zero or overflow.',
    { flags: allUndefined },
  ),
  row(
    'idiv',
    'r/m',
    'Divides RDX:RAX, signed: quotient to RAX, remainder to RDX; #DE for zero or overflow.',
    { flags: allUndefined },
  ),
  row('shl', rotation, 'Shifts left, zeros come in.', { flags: shift, heading: 'SAL/SAR/SHL/SHR' }),
  row('sal', rotation, 'Shifts left, zeros come in; the same as SHL.', {
    flags: shift,
    heading: 'SAL/SAR/SHL/SHR',
  }),
  row('shr', rotation, 'Shifts right, zeros come in.', {
    flags: shift,
    heading: 'SAL/SAR/SHL/SHR',
  }),
  row('sar', rotation, 'Shifts right, the sign comes in.', {
    flags: shift,
    heading: 'SAL/SAR/SHL/SHR',
  }),
  row(
    'shld',
    'r/m, r, imm8 | r/m, r, cl',
    'Shifts left; the bits that come in are the top of a register.',
    { flags: shift },
  ),
  row(
    'shrd',
    'r/m, r, imm8 | r/m, r, cl',
    'Shifts right; the bits that come in are the bottom of a register.',
    { flags: shift },
  ),
  row('shlx', 'r, r/m, r', 'Shifts left by a register, without flags.', {
    heading: 'SARX/SHLX/SHRX',
  }),
  row('shrx', 'r, r/m, r', 'Shifts right by a register, without flags.', {
    heading: 'SARX/SHLX/SHRX',
  }),
  row('sarx', 'r, r/m, r', 'Shifts right with the sign by a register, without flags.', {
    heading: 'SARX/SHLX/SHRX',
  }),
  row('rol', rotation, 'Rotates left.', { flags: rotate, heading: 'RCL/RCR/ROL/ROR' }),
  row('ror', rotation, 'Rotates right.', { flags: rotate, heading: 'RCL/RCR/ROL/ROR' }),
  row('rcl', rotation, 'Rotates left through the carry flag.', {
    flags: rotate,
    heading: 'RCL/RCR/ROL/ROR',
  }),
  row('rcr', rotation, 'Rotates right through the carry flag.', {
    flags: rotate,
    heading: 'RCL/RCR/ROL/ROR',
  }),
  row('rorx', 'r, r/m, imm8', 'Rotates right into another register, without flags.'),
  row(
    'bt',
    'r/m, r | r/m, imm8',
    'Copies one bit to CF. With memory and a register index the bit may lie far away.',
    { flags: carryOnly },
  ),
  row('bts', 'r/m, r | r/m, imm8', 'Copies one bit to CF and sets it.', { flags: carryOnly }),
  row('btr', 'r/m, r | r/m, imm8', 'Copies one bit to CF and clears it.', { flags: carryOnly }),
  row('btc', 'r/m, r | r/m, imm8', 'Copies one bit to CF and inverts it.', { flags: carryOnly }),
  row('bsf', 'r, r/m', 'Index of the lowest set bit; destination unchanged for zero.', {
    flags: zeroOnly,
  }),
  row('bsr', 'r, r/m', 'Index of the highest set bit; destination unchanged for zero.', {
    flags: zeroOnly,
  }),
  row('tzcnt', 'r, r/m', 'Counts zero bits from the bottom; operand width for zero.', {
    flags: 'CF = source is zero; ZF = result is zero; others undefined',
  }),
  row('lzcnt', 'r, r/m', 'Counts zero bits from the top; operand width for zero.', {
    flags: 'CF = source is zero; ZF = result is zero; others undefined',
  }),
  row('popcnt', 'r, r/m', 'Counts set bits.', { flags: 'ZF = source is zero; others cleared' }),
  row('blsi', 'r, r/m', 'Isolates the lowest set bit.', {
    flags: 'SF ZF by the result; CF = source is not zero; OF = 0',
  }),
  row('blsr', 'r, r/m', 'Clears the lowest set bit.', {
    flags: 'SF ZF by the result; CF = source is zero; OF = 0',
  }),
  row('blsmsk', 'r, r/m', 'Makes a mask up to the lowest set bit.', {
    flags: 'SF ZF by the result; CF = source is zero; OF = 0',
  }),
  row('bextr', 'r, r/m, r', 'Extracts a bit field.', {
    flags: 'ZF by the result; OF CF = 0; others undefined',
  }),
  row('bzhi', 'r, r/m, r', 'Clears the bits from an index upwards.', {
    flags: 'SF ZF by the result; OF = 0; CF = index beyond the width',
  }),
  row('pdep', 'r, r, r/m', 'Scatters low bits to the places that a mask selects.'),
  row('pext', 'r, r, r/m', 'Gathers the bits that a mask selects.'),
  row('crc32', 'r, r/m', 'Adds data to a CRC-32C sum.'),
  row('aaa', '', 'Adjusts AL after a BCD addition; not in 64-bit mode.', {
    flags: 'AF CF; others undefined',
  }),
  row('aas', '', 'Adjusts AL after a BCD subtraction; not in 64-bit mode.', {
    flags: 'AF CF; others undefined',
  }),
  row('aam', 'imm8', 'Splits AL into two BCD digits; not in 64-bit mode.', {
    flags: 'SF ZF PF; others undefined',
  }),
  row('aad', 'imm8', 'Joins two BCD digits before a division; not in 64-bit mode.', {
    flags: 'SF ZF PF; others undefined',
  }),
  row('daa', '', 'Adjusts AL after a packed BCD addition; not in 64-bit mode.', {
    flags: 'SF ZF AF PF CF; OF undefined',
  }),
  row('das', '', 'Adjusts AL after a packed BCD subtraction; not in 64-bit mode.', {
    flags: 'SF ZF AF PF CF; OF undefined',
  }),
];

function stringRows(
  stem: string,
  heading: string,
  summary: string,
  traits: Traits = {},
): Instruction[] {
  const widths = { b: 'byte', w: 'word', d: 'doubleword', q: 'quadword' };
  const letters: readonly (keyof typeof widths)[] =
    traits.privilege === undefined ? ['b', 'w', 'd', 'q'] : ['b', 'w', 'd'];
  return [
    row(stem, '', `${summary}; the operands give the width.`, { ...traits, heading }),
    ...letters.map((letter) =>
      row(`${stem}${letter}`, '', `${summary}; one ${widths[letter]} each time.`, {
        ...traits,
        heading,
      }),
    ),
  ];
}

const portTraits: Traits = { privilege: 'CPL ≤ IOPL', exits: ['IO_INSTRUCTION'] };

const strings: readonly Instruction[] = [
  ...stringRows(
    'movs',
    'MOVS/MOVSB/MOVSW/MOVSD/MOVSQ',
    'Copies from [RSI] to [RDI] and steps both by the direction flag',
  ),
  ...stringRows(
    'cmps',
    'CMPS/CMPSB/CMPSW/CMPSD/CMPSQ',
    'Compares [RSI] with [RDI] and steps both',
    { flags: arithmetic },
  ),
  ...stringRows(
    'scas',
    'SCAS/SCASB/SCASW/SCASD',
    'Compares the accumulator with [RDI] and steps RDI',
    { flags: arithmetic },
  ),
  ...stringRows(
    'lods',
    'LODS/LODSB/LODSW/LODSD/LODSQ',
    'Loads the accumulator from [RSI] and steps RSI',
  ),
  ...stringRows(
    'stos',
    'STOS/STOSB/STOSW/STOSD/STOSQ',
    'Stores the accumulator to [RDI] and steps RDI',
  ),
  ...stringRows('ins', 'INS/INSB/INSW/INSD', 'Reads port DX to [RDI] and steps RDI', portTraits),
  ...stringRows(
    'outs',
    'OUTS/OUTSB/OUTSW/OUTSD',
    'Writes [RSI] to port DX and steps RSI',
    portTraits,
  ),
];

/** Prefixes that the assembler lets stand like a mnemonic. */
const prefixes: readonly Instruction[] = [
  row(
    'rep',
    'string instruction',
    'Repeats while RCX, counted down, is not zero; can be interrupted between iterations.',
    { heading: 'REP/REPE/REPZ/REPNE/REPNZ' },
  ),
  row('repe', 'cmps | scas', 'Repeats while RCX is not zero and the last comparison was equal.', {
    heading: 'REP/REPE/REPZ/REPNE/REPNZ',
  }),
  row('repz', 'cmps | scas', 'Repeats while RCX is not zero and the last comparison was equal.', {
    heading: 'REP/REPE/REPZ/REPNE/REPNZ',
  }),
  row(
    'repne',
    'cmps | scas',
    'Repeats while RCX is not zero and the last comparison was unequal.',
    { heading: 'REP/REPE/REPZ/REPNE/REPNZ' },
  ),
  row(
    'repnz',
    'cmps | scas',
    'Repeats while RCX is not zero and the last comparison was unequal.',
    { heading: 'REP/REPE/REPZ/REPNE/REPNZ' },
  ),
  row(
    'lock',
    'read-modify-write instruction',
    'Makes the memory access of the instruction atomic among processors.',
  ),
];

const controlTransfer: readonly Instruction[] = [
  row('jmp', 'rel8 | rel32 | r/m64 | m16:64', 'Jumps.'),
  row('jcxz', 'rel8', 'Jumps if CX is zero; not in 64-bit mode.', { heading: 'Jcc' }),
  row('jecxz', 'rel8', 'Jumps if ECX is zero.', { heading: 'Jcc' }),
  row('jrcxz', 'rel8', 'Jumps if RCX is zero.', { heading: 'Jcc' }),
  row('loop', 'rel8', 'Counts RCX down and jumps while it is not zero; flags stay.', {
    heading: 'LOOP/LOOPcc',
  }),
  row('loope', 'rel8', 'Counts RCX down and jumps while it is not zero and ZF = 1.', {
    heading: 'LOOP/LOOPcc',
  }),
  row('loopz', 'rel8', 'Counts RCX down and jumps while it is not zero and ZF = 1.', {
    heading: 'LOOP/LOOPcc',
  }),
  row('loopne', 'rel8', 'Counts RCX down and jumps while it is not zero and ZF = 0.', {
    heading: 'LOOP/LOOPcc',
  }),
  row('loopnz', 'rel8', 'Counts RCX down and jumps while it is not zero and ZF = 0.', {
    heading: 'LOOP/LOOPcc',
  }),
  row('call', 'rel32 | r/m64 | m16:64', 'Pushes the address of the next instruction and jumps.'),
  row('ret', ' | imm16', 'Pops the return address and jumps there; the immediate drops arguments.'),
  row('retf', ' | imm16', 'Far return: pops the instruction pointer and CS.', { heading: 'RET' }),
  row(
    'retfq',
    ' | imm16',
    'Far return with 64-bit operands; the way to reload CS in 64-bit mode.',
    { heading: 'RET' },
  ),
  row('enter', 'imm16, imm8', 'Builds a stack frame: PUSH RBP, RBP = RSP, room for locals.'),
  row('leave', '', 'Drops a stack frame: RSP = RBP, POP RBP.'),
  row('int', 'imm8', 'Calls the handler of a vector through the IDT.', {
    flags: 'IF TF NT cleared as the gate says',
    heading: 'INT n/INTO/INT3/INT1',
    exits: ['EXCEPTION_NMI'],
  }),
  row('int3', '', 'Breakpoint trap, #BP (vector 3).', {
    heading: 'INT n/INTO/INT3/INT1',
    exits: ['EXCEPTION_NMI'],
  }),
  row('int1', '', 'Debug trap, #DB (vector 1).', {
    heading: 'INT n/INTO/INT3/INT1',
    exits: ['EXCEPTION_NMI'],
  }),
  row('into', '', 'Overflow trap if OF = 1; not in 64-bit mode.', {
    heading: 'INT n/INTO/INT3/INT1',
  }),
  row('iret', '', 'Returns from an interrupt handler; GNU as chooses the operand size.', {
    flags: 'all from the stack',
    heading: 'IRET/IRETD/IRETQ',
  }),
  row('iretd', '', 'Returns from an interrupt handler with 32-bit operands.', {
    flags: 'all from the stack',
    heading: 'IRET/IRETD/IRETQ',
  }),
  row('iretq', '', 'Returns from an interrupt handler: pops RIP, CS, RFLAGS, RSP and SS.', {
    flags: 'all from the stack',
    heading: 'IRET/IRETD/IRETQ',
  }),
  row(
    'syscall',
    '',
    'Enters the kernel: RCX = RIP, R11 = RFLAGS, RIP from IA32_LSTAR, CS and SS from IA32_STAR.',
    { flags: 'cleared where IA32_FMASK has ones' },
  ),
  row('sysret', '', 'Returns to user code: RIP from RCX, RFLAGS from R11.', {
    ...ring0,
    flags: 'all from R11',
  }),
  row('sysretq', '', 'Returns to 64-bit user code: RIP from RCX, RFLAGS from R11.', {
    ...ring0,
    flags: 'all from R11',
    heading: 'SYSRET',
  }),
  row('sysenter', '', 'Enters the kernel through IA32_SYSENTER_CS, _ESP and _EIP.'),
  row('sysexit', '', 'Returns to user code: RIP from RDX, RSP from RCX.', ring0),
  row('ud0', 'r, r/m', 'Raises #UD on purpose.', { heading: 'UD', exits: ['EXCEPTION_NMI'] }),
  row('ud1', 'r, r/m', 'Raises #UD on purpose.', { heading: 'UD', exits: ['EXCEPTION_NMI'] }),
  row('ud2', '', 'Raises #UD on purpose: the way to say "never reached".', {
    heading: 'UD',
    exits: ['EXCEPTION_NMI'],
  }),
  row('bound', 'r, m', 'Checks an index against two bounds, #BR if outside; not in 64-bit mode.'),
];

const flagsAndMiscellany: readonly Instruction[] = [
  row('nop', ' | r/m', 'Does nothing.'),
  row('pause', '', 'Hint that this is a spin-wait loop.', { exits: ['PAUSE'] }),
  row('clc', '', 'Clears the carry flag.', { flags: 'CF = 0' }),
  row('stc', '', 'Sets the carry flag.', { flags: 'CF = 1' }),
  row('cmc', '', 'Inverts the carry flag.', { flags: 'CF inverted' }),
  row('cld', '', 'Clears the direction flag: string instructions go upwards.', { flags: 'DF = 0' }),
  row('std', '', 'Sets the direction flag: string instructions go downwards.', { flags: 'DF = 1' }),
  row('cli', '', 'Masks external interrupts.', { privilege: 'CPL ≤ IOPL', flags: 'IF = 0' }),
  row('sti', '', 'Allows external interrupts, from after the next instruction on.', {
    privilege: 'CPL ≤ IOPL',
    flags: 'IF = 1',
  }),
  row('clac', '', 'Clears AC: supervisor accesses to user pages fault under SMAP.', {
    ...ring0,
    flags: 'AC = 0',
  }),
  row('stac', '', 'Sets AC: supervisor accesses to user pages are allowed under SMAP.', {
    ...ring0,
    flags: 'AC = 1',
  }),
  row('lfence', '', 'Waits until all earlier loads are done.'),
  row('sfence', '', 'Orders all earlier stores before later ones.'),
  row('mfence', '', 'Orders all earlier loads and stores before later ones.'),
  row('serialize', '', 'Waits until everything before it is done.'),
  row('clflush', 'm8', 'Writes a cache line back and drops it everywhere.'),
  row('clflushopt', 'm8', 'CLFLUSH with weaker ordering.'),
  row('clwb', 'm8', 'Writes a cache line back and may keep it.'),
  row('prefetcht0', 'm8', 'Hint: load a line into all caches.', { heading: 'PREFETCHh' }),
  row('prefetchnta', 'm8', 'Hint: load a line with little cache pollution.', {
    heading: 'PREFETCHh',
  }),
  row('prefetchw', 'm8', 'Hint: load a line that will be written.'),
  row('endbr64', '', 'Marks a legal target of indirect branches.'),
  row('endbr32', '', 'Marks a legal target of indirect branches in 32-bit code.'),
];

const system: readonly Instruction[] = [
  row(
    'cpuid',
    '',
    'Tells what the processor can do: leaf in EAX, subleaf in ECX, answer in EAX, EBX, ECX, EDX.',
    { exits: ['CPUID'] },
  ),
  row('rdtsc', '', 'Reads the time-stamp counter into EDX:EAX.', {
    privilege: 'CPL 0 or as CR4 allows',
    exits: ['RDTSC'],
  }),
  row('rdtscp', '', 'Reads the time-stamp counter into EDX:EAX and IA32_TSC_AUX into ECX.', {
    privilege: 'CPL 0 or as CR4 allows',
    exits: ['RDTSCP'],
  }),
  row('rdpmc', '', 'Reads performance counter ECX into EDX:EAX.', {
    privilege: 'CPL 0 or as CR4 allows',
    exits: ['RDPMC'],
  }),
  row('rdpid', 'r64', 'Reads IA32_TSC_AUX.'),
  row('rdrand', 'r', 'Random number.', {
    flags: 'CF = a number was there; others 0',
    exits: ['RDRAND'],
  }),
  row('rdseed', 'r', 'Random seed.', {
    flags: 'CF = a seed was there; others 0',
    exits: ['RDSEED'],
  }),
  row('rdmsr', '', 'Reads the model-specific register ECX into EDX:EAX; #GP(0) if there is none.', {
    ...ring0,
    exits: ['MSR_READ'],
  }),
  row(
    'wrmsr',
    '',
    'Writes EDX:EAX to the model-specific register ECX; #GP(0) if there is none or the value is refused.',
    { ...ring0, exits: ['MSR_WRITE'] },
  ),
  row(
    'in',
    'al/ax/eax, imm8 | al/ax/eax, dx',
    'Reads an I/O port into the accumulator.',
    portTraits,
  ),
  row(
    'out',
    'imm8, al/ax/eax | dx, al/ax/eax',
    'Writes the accumulator to an I/O port.',
    portTraits,
  ),
  row('hlt', '', 'Waits for an interrupt.', { ...ring0, exits: ['HLT'] }),
  row('mwait', '', 'Waits for a write to the monitored line, or an interrupt.', {
    ...ring0,
    exits: ['MWAIT'],
  }),
  row('monitor', '', 'Arms the line at RAX for MWAIT.', { ...ring0, exits: ['MONITOR'] }),
  row('umwait', 'r32', 'MWAIT for user code, bounded by a time.', {
    flags: 'CF = the time limit came first; others 0',
    exits: ['UMWAIT'],
  }),
  row('umonitor', 'r', 'Arms a line for UMWAIT.'),
  row('tpause', 'r32', 'Waits until a time.', {
    flags: 'CF = the time limit came first; others 0',
    exits: ['TPAUSE'],
  }),
  row('lgdt', 'm16&64', 'Loads the global descriptor table register: limit, then base.', {
    ...ring0,
    heading: 'LGDT/LIDT',
    exits: ['GDTR_IDTR'],
  }),
  row('lidt', 'm16&64', 'Loads the interrupt descriptor table register: limit, then base.', {
    ...ring0,
    heading: 'LGDT/LIDT',
    exits: ['GDTR_IDTR'],
  }),
  row('sgdt', 'm', 'Stores the global descriptor table register.', { exits: ['GDTR_IDTR'] }),
  row('sidt', 'm', 'Stores the interrupt descriptor table register.', { exits: ['GDTR_IDTR'] }),
  row('lldt', 'r/m16', 'Loads the local descriptor table register from a GDT selector.', {
    ...ring0,
    exits: ['LDTR_TR'],
  }),
  row('sldt', 'r/m', 'Stores the local descriptor table selector.', { exits: ['LDTR_TR'] }),
  row('ltr', 'r/m16', 'Loads the task register and marks the TSS busy.', {
    ...ring0,
    exits: ['LDTR_TR'],
  }),
  row('str', 'r/m', 'Stores the task register.', { exits: ['LDTR_TR'] }),
  row('lmsw', 'r/m16', 'Loads bits 3:0 of CR0; cannot clear PE.', {
    ...ring0,
    exits: ['CR_ACCESS'],
  }),
  row('smsw', 'r/m', 'Stores the low bits of CR0.'),
  row('clts', '', 'Clears CR0.TS.', { ...ring0, exits: ['CR_ACCESS'] }),
  row('lar', 'r, r/m16', 'Loads the access rights of a descriptor.', {
    flags: 'ZF = descriptor is visible',
  }),
  row('lsl', 'r, r/m16', 'Loads the limit of a descriptor.', {
    flags: 'ZF = descriptor is visible',
  }),
  row('verr', 'r/m16', 'Tests whether a segment can be read.', {
    flags: 'ZF = yes',
    heading: 'VERR/VERW',
  }),
  row('verw', 'r/m16', 'Tests whether a segment can be written.', {
    flags: 'ZF = yes',
    heading: 'VERR/VERW',
  }),
  row('arpl', 'r/m16, r16', 'Raises the RPL of a selector; not in 64-bit mode.', {
    flags: 'ZF = changed',
  }),
  row('lds', 'r, m', 'Loads DS and a register; not in 64-bit mode.', {
    heading: 'LDS/LES/LFS/LGS/LSS',
  }),
  row('les', 'r, m', 'Loads ES and a register; not in 64-bit mode.', {
    heading: 'LDS/LES/LFS/LGS/LSS',
  }),
  row('lfs', 'r, m', 'Loads FS and a register.', { heading: 'LDS/LES/LFS/LGS/LSS' }),
  row('lgs', 'r, m', 'Loads GS and a register.', { heading: 'LDS/LES/LFS/LGS/LSS' }),
  row('lss', 'r, m', 'Loads SS and a register.', { heading: 'LDS/LES/LFS/LGS/LSS' }),
  row('swapgs', '', 'Exchanges the GS base with IA32_KERNEL_GS_BASE.', ring0),
  row('rdfsbase', 'r', 'Reads the FS base.', { heading: 'RDFSBASE/RDGSBASE' }),
  row('rdgsbase', 'r', 'Reads the GS base.', { heading: 'RDFSBASE/RDGSBASE' }),
  row('wrfsbase', 'r', 'Writes the FS base.', { heading: 'WRFSBASE/WRGSBASE' }),
  row('wrgsbase', 'r', 'Writes the GS base.', { heading: 'WRFSBASE/WRGSBASE' }),
  row('invlpg', 'm', 'Drops the translations of one page.', { ...ring0, exits: ['INVLPG'] }),
  row('invpcid', 'r, m128', 'Drops translations of address-space identifiers.', {
    ...ring0,
    exits: ['INVPCID'],
  }),
  row('invd', '', 'Drops all caches without writing them back.', { ...ring0, exits: ['INVD'] }),
  row('wbinvd', '', 'Writes all caches back and drops them.', { ...ring0, exits: ['WBINVD'] }),
  row('wbnoinvd', '', 'Writes all caches back and keeps them.', { ...ring0, exits: ['WBINVD'] }),
  row('xgetbv', '', 'Reads extended control register ECX into EDX:EAX.'),
  row('xsetbv', '', 'Writes EDX:EAX to extended control register ECX.', {
    ...ring0,
    exits: ['XSETBV'],
  }),
  row('xsave', 'm', 'Saves the processor state components that EDX:EAX selects.'),
  row('xsaveopt', 'm', 'Saves the selected components that changed.'),
  row('xsavec', 'm', 'Saves the selected components, compacted.'),
  row('xsaves', 'm', 'Saves the selected components with supervisor state, compacted.', {
    ...ring0,
    exits: ['XSAVES'],
  }),
  row('xrstor', 'm', 'Restores the processor state components that EDX:EAX selects.'),
  row('xrstors', 'm', 'Restores the selected components with supervisor state.', {
    ...ring0,
    exits: ['XRSTORS'],
  }),
  row('fxsave', 'm512', 'Saves the x87 and SSE state.'),
  row('fxrstor', 'm512', 'Restores the x87 and SSE state.'),
  row('rdpkru', '', 'Reads the protection-key rights into EAX.'),
  row('wrpkru', '', 'Writes EAX to the protection-key rights.'),
  row('rsm', '', 'Leaves system-management mode.', { flags: 'all restored', exits: ['RSM'] }),
  row('getsec', '', 'Safer mode extensions; the leaf is in EAX.', {
    exits: ['GETSEC'],
    section: 'SDM vol. 2D, 7.3',
  }),
  row('encls', '', 'Software guard extensions for the kernel; the leaf is in EAX.', {
    ...ring0,
    exits: ['ENCLS'],
    section: 'SDM vol. 3D, 40.3',
  }),
  row('pconfig', '', 'Platform configuration; the leaf is in EAX.', {
    ...ring0,
    exits: ['PCONFIG'],
  }),
  row('rdmsrlist', '', 'Reads a list of model-specific registers.', {
    ...ring0,
    exits: ['RDMSRLIST'],
  }),
  row('wrmsrlist', '', 'Writes a list of model-specific registers.', {
    ...ring0,
    exits: ['WRMSRLIST'],
  }),
];

const vmxFlags = 'CF = no current VMCS; ZF = error number is in the VMCS; all 0 on success';

function vmx(mnemonic: string, operands: string, summary: string, exit: string): Instruction {
  return row(mnemonic, operands, summary, {
    flags: vmxFlags,
    privilege: 'VMX root',
    exits: [exit],
    section: `SDM vol. 3C, 31.3, ${mnemonic.toUpperCase()}`,
  });
}

const virtualization: readonly Instruction[] = [
  row(
    'vmcall',
    '',
    'Calls the hypervisor: in a guest always a VM exit, by which hypercalls are made. #UD without one.',
    { exits: ['VMCALL'], section: 'SDM vol. 3C, 31.3, VMCALL' },
  ),
  row('vmmcall', '', 'The hypercall instruction of AMD processors; #UD on Intel ones.', {
    section: 'AMD APM vol. 3, VMMCALL',
  }),
  row('vmfunc', '', 'Calls a VM function, such as switching EPT pointers, without an exit.', {
    exits: ['VMFUNC'],
    section: 'SDM vol. 3C, 31.3, VMFUNC',
  }),
  vmx('vmxon', 'm64', 'Enters VMX operation with the region at an address.', 'VMXON'),
  vmx('vmxoff', '', 'Leaves VMX operation.', 'VMXOFF'),
  vmx('vmclear', 'm64', 'Writes a VMCS back to memory and makes it inactive and clear.', 'VMCLEAR'),
  vmx('vmptrld', 'm64', 'Makes a VMCS the current one.', 'VMPTRLD'),
  vmx('vmptrst', 'm64', 'Stores the address of the current VMCS.', 'VMPTRST'),
  vmx(
    'vmread',
    'r/m64, r64',
    'Reads the VMCS field whose encoding is in the second operand.',
    'VMREAD',
  ),
  vmx(
    'vmwrite',
    'r64, r/m64',
    'Writes the VMCS field whose encoding is in the first operand.',
    'VMWRITE',
  ),
  vmx('vmlaunch', '', 'Enters the guest of a clear VMCS for the first time.', 'VMLAUNCH'),
  vmx('vmresume', '', 'Enters the guest of a launched VMCS again.', 'VMRESUME'),
  vmx('invept', 'r64, m128', 'Drops translations made through an EPT pointer.', 'INVEPT'),
  vmx('invvpid', 'r64, m128', 'Drops translations of a virtual processor identifier.', 'INVVPID'),
];

const floatingPoint: readonly Instruction[] = [
  row('fninit', '', 'Resets the x87 unit.', { heading: 'FINIT/FNINIT' }),
  row('finit', '', 'Resets the x87 unit after pending exceptions.', { heading: 'FINIT/FNINIT' }),
  row('fld', 'm32 | m64 | m80 | st(i)', 'Pushes a floating-point value.'),
  row('fld1', '', 'Pushes 1.0.', { heading: 'FLD1/FLDL2T/FLDL2E/FLDPI/FLDLG2/FLDLN2/FLDZ' }),
  row('fldz', '', 'Pushes 0.0.', { heading: 'FLD1/FLDL2T/FLDL2E/FLDPI/FLDLG2/FLDLN2/FLDZ' }),
  row('fldpi', '', 'Pushes π.', { heading: 'FLD1/FLDL2T/FLDL2E/FLDPI/FLDLG2/FLDLN2/FLDZ' }),
  row('fild', 'm16 | m32 | m64', 'Pushes an integer.'),
  row('fst', 'm32 | m64 | st(i)', 'Stores the top of the x87 stack.', { heading: 'FST/FSTP' }),
  row('fstp', 'm32 | m64 | m80 | st(i)', 'Stores the top of the x87 stack and pops it.', {
    heading: 'FST/FSTP',
  }),
  row('fistp', 'm16 | m32 | m64', 'Stores the top as integer and pops it.', {
    heading: 'FIST/FISTP',
  }),
  row('fadd', 'm | st(i)', 'Adds.', { heading: 'FADD/FADDP/FIADD' }),
  row('faddp', ' | st(i)', 'Adds and pops.', { heading: 'FADD/FADDP/FIADD' }),
  row('fsub', 'm | st(i)', 'Subtracts.', { heading: 'FSUB/FSUBP/FISUB' }),
  row('fmul', 'm | st(i)', 'Multiplies.', { heading: 'FMUL/FMULP/FIMUL' }),
  row('fdiv', 'm | st(i)', 'Divides.', { heading: 'FDIV/FDIVP/FIDIV' }),
  row('fsqrt', '', 'Replaces the top of the x87 stack by its square root.'),
  row('fsin', '', 'Replaces the top of the x87 stack by its sine.'),
  row('fcos', '', 'Replaces the top of the x87 stack by its cosine.'),
  row('fchs', '', 'Changes the sign of the top of the x87 stack.'),
  row('fabs', '', 'Clears the sign of the top of the x87 stack.'),
  row('fxch', ' | st(i)', 'Exchanges the top with another x87 register.'),
  row('fldcw', 'm16', 'Loads the x87 control word.'),
  row('fnstcw', 'm16', 'Stores the x87 control word.', { heading: 'FSTCW/FNSTCW' }),
  row('fnstsw', 'm16 | ax', 'Stores the x87 status word.', { heading: 'FSTSW/FNSTSW' }),
  row('fnclex', '', 'Clears x87 exceptions.', { heading: 'FCLEX/FNCLEX' }),
  row('fwait', '', 'Waits for pending x87 exceptions.', { heading: 'WAIT/FWAIT' }),
  row('emms', '', 'Empties the MMX state so that the x87 unit can be used.'),
  row('ldmxcsr', 'm32', 'Loads the SSE control and status register.'),
  row('stmxcsr', 'm32', 'Stores the SSE control and status register.'),
  row('movd', 'xmm, r/m32 | r/m32, xmm', 'Moves 32 bits between a general and a vector register.', {
    heading: 'MOVD/MOVQ',
  }),
  row('movaps', 'xmm, xmm/m128 | xmm/m128, xmm', 'Moves 128 bits, aligned.'),
  row('movups', 'xmm, xmm/m128 | xmm/m128, xmm', 'Moves 128 bits, unaligned.'),
  row('movapd', 'xmm, xmm/m128 | xmm/m128, xmm', 'Moves 128 bits, aligned.'),
  row('movdqa', 'xmm, xmm/m128 | xmm/m128, xmm', 'Moves 128 bits of integers, aligned.'),
  row('movdqu', 'xmm, xmm/m128 | xmm/m128, xmm', 'Moves 128 bits of integers, unaligned.'),
  row('movss', 'xmm, xmm/m32 | m32, xmm', 'Moves one single-precision value.'),
  row('pxor', 'xmm, xmm/m128', 'Exclusive OR of 128 bits.'),
  row('por', 'xmm, xmm/m128', 'OR of 128 bits.'),
  row('pand', 'xmm, xmm/m128', 'AND of 128 bits.'),
  row('xorps', 'xmm, xmm/m128', 'Exclusive OR of 128 bits.'),
  row('paddd', 'xmm, xmm/m128', 'Adds four 32-bit integers.', {
    heading: 'PADDB/PADDW/PADDD/PADDQ',
  }),
  row('paddq', 'xmm, xmm/m128', 'Adds two 64-bit integers.', {
    heading: 'PADDB/PADDW/PADDD/PADDQ',
  }),
  row('addss', 'xmm, xmm/m32', 'Adds one single-precision value.'),
  row('addsd', 'xmm, xmm/m64', 'Adds one double-precision value.'),
  row('subsd', 'xmm, xmm/m64', 'Subtracts one double-precision value.'),
  row('mulsd', 'xmm, xmm/m64', 'Multiplies one double-precision value.'),
  row('divsd', 'xmm, xmm/m64', 'Divides one double-precision value.'),
  row('sqrtsd', 'xmm, xmm/m64', 'Square root of one double-precision value.'),
  row('cvtsi2sd', 'xmm, r/m', 'Converts an integer to double precision.'),
  row('cvttsd2si', 'r, xmm/m64', 'Converts double precision to an integer, truncated.'),
];

/** Every instruction, by group. */
export const instructions: readonly Instruction[] = [
  ...dataMovement,
  ...arithmeticAndLogic,
  ...strings,
  ...prefixes,
  ...controlTransfer,
  ...conditional,
  ...flagsAndMiscellany,
  ...system,
  ...virtualization,
  ...floatingPoint,
];

/** AT&T names that are not Intel's name plus a width suffix (GNU as manual, 9.16.3.1). */
export const attMnemonics: Readonly<Record<string, string>> = {
  movzb: 'movzx',
  movzbw: 'movzx',
  movzbl: 'movzx',
  movzbq: 'movzx',
  movzw: 'movzx',
  movzwl: 'movzx',
  movzwq: 'movzx',
  movsbw: 'movsx',
  movsbl: 'movsx',
  movsbq: 'movsx',
  movswl: 'movsx',
  movswq: 'movsx',
  movslq: 'movsxd',
  cbtw: 'cbw',
  cwtl: 'cwde',
  cltq: 'cdqe',
  cwtd: 'cwd',
  cltd: 'cdq',
  cqto: 'cqo',
  movsl: 'movsd',
  cmpsl: 'cmpsd',
  scasl: 'scasd',
  lodsl: 'lodsd',
  stosl: 'stosd',
  insl: 'insd',
  outsl: 'outsd',
  lcall: 'call',
  ljmp: 'jmp',
  lret: 'retf',
  lretq: 'retfq',
  iretl: 'iretd',
  sysretl: 'sysret',
};

const byMnemonic = new Map(instructions.map((instruction) => [instruction.mnemonic, instruction]));

/**
 * The instruction behind a mnemonic of either syntax, in any letter case; AT&T width suffixes are understood.
 * @returns undefined for a name that is no known instruction
 */
export function findInstruction(name: string): Instruction | undefined {
  const lower = name.toLowerCase();
  const exact = byMnemonic.get(lower);
  if (exact !== undefined) return exact;
  const attName = Object.hasOwn(attMnemonics, lower) ? attMnemonics[lower] : undefined;
  if (attName !== undefined) return byMnemonic.get(attName);
  return /[bwlq]$/.test(lower) ? byMnemonic.get(lower.slice(0, -1)) : undefined;
}
