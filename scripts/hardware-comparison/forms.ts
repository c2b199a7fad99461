/** Instruction forms whose results are compared with a real processor, and the flags that each one defines. */

/** One form: statements separated by `;`, run with random RAX, RBX, RCX, RDX, flags and memory around RBP. */
export interface InstructionForm {
  readonly code: string;
  /** RFLAGS bits that the manual defines after it; the others are not compared. */
  readonly definedFlags: number;
}

type Width = 8 | 16 | 32 | 64;

const widths: readonly Width[] = [8, 16, 32, 64];
const wide: readonly Width[] = [16, 32, 64];

const CF = 0x1;
const AF = 0x10;
const ZF = 0x40;
const OF = 0x800;
const all = 0x8d5;

const a = { 8: 'al', 16: 'ax', 32: 'eax', 64: 'rax' } as const;
const b = { 8: 'bl', 16: 'bx', 32: 'ebx', 64: 'rbx' } as const;
const c = { 8: 'cl', 16: 'cx', 32: 'ecx', 64: 'rcx' } as const;
const d = { 8: 'dl', 16: 'dx', 32: 'edx', 64: 'rdx' } as const;
const memory = {
  8: 'byte ptr [rbp]',
  16: 'word ptr [rbp]',
  32: 'dword ptr [rbp]',
  64: 'qword ptr [rbp]',
} as const;
const oddMemory = {
  8: 'byte ptr [rbp+3]',
  16: 'word ptr [rbp+3]',
  32: 'dword ptr [rbp+3]',
  64: 'qword ptr [rbp+3]',
} as const;
const immediates = {
  8: ['0x7f', '-1', '0x80'],
  16: ['0x7fff', '-1', '5'],
  32: ['0x7fffffff', '-1', '5', '-128'],
  64: ['0x7fffffff', '-1', '5', '-0x80000000'],
} as const;

const conditions = 'o no b ae e ne be a s ns p np l ge le g'.split(' ');

function form(code: string, definedFlags = all): InstructionForm {
  return { code, definedFlags };
}

function forms(definedFlags: number, ...codes: readonly string[]): InstructionForm[] {
  return codes.map((code) => form(code, definedFlags));
}

function arithmetic(op: string): InstructionForm[] {
  const flags = ['or', 'and', 'xor', 'test'].includes(op) ? all & ~AF : all;
  const writes = op !== 'cmp' && op !== 'test';
  return [
    ...widths.flatMap((w) => [
      ...forms(flags, `${op} ${a[w]}, ${b[w]}`, `${op} ${c[w]}, ${d[w]}`),
      ...forms(flags, `${op} ${memory[w]}, ${b[w]}`, `${op} ${oddMemory[w]}, ${a[w]}`),
      ...(op === 'test' ? [] : [form(`${op} ${a[w]}, ${memory[w]}`, flags)]),
      ...immediates[w].flatMap((value) =>
        [a, b, oddMemory].map((operand) => form(`${op} ${operand[w]}, ${value}`, flags)),
      ),
    ]),
    ...forms(flags, `${op} ah, bl`, `${op} bh, ch`, `${op} dh, 0x81`),
    ...(writes ? [form(`lock ${op} qword ptr [rbp], rax`, flags)] : []),
  ];
}

function unary(op: string): InstructionForm[] {
  const operands = widths.flatMap((w) => [a[w], memory[w]]);
  return forms(all, ...[...operands, 'ch'].map((operand) => `${op} ${operand}`));
}

/** A count of 0 leaves all flags alone; OF is defined for 1 only; shifts leave AF undefined. */
function shift(op: string): InstructionForm[] {
  const isRotate = op.startsWith('r');
  const byOne = isRotate ? all : all & ~AF;
  const byMore = byOne & ~OF;
  return widths.flatMap((w) => {
    const mayPassWidth = w < 32 && (op === 'shl' || op === 'shr');
    const byCl = mayPassWidth ? byMore & ~CF : byMore;
    return [
      ...forms(byOne, `${op} ${a[w]}, 1`, `${op} ${memory[w]}, 1`),
      ...forms(byCl, `${op} ${a[w]}, cl`, `${op} ${memory[w]}, cl`),
      ...forms(byMore, `${op} ${a[w]}, 2`, `${op} ${a[w]}, 7`, `${op} ${a[w]}, ${w - 1}`),
      ...forms(all, `${op} ${a[w]}, 0`, `mov cl, 0; ${op} ${a[w]}, cl`),
      ...forms(all, `mov cl, 64; ${op} ${a[w]}, cl`),
      ...(w >= 32 ? [form(`${op} ${a[w]}, ${w}`)] : []),
    ];
  });
}

function doubleShift(op: string): InstructionForm[] {
  return wide.flatMap((w) => [
    form(`${op} ${a[w]}, ${b[w]}, 1`, all & ~AF),
    ...forms(all & ~AF & ~OF, `${op} ${a[w]}, ${b[w]}, 7`, `${op} ${memory[w]}, ${b[w]}, 5`),
    ...(w > 16 ? [form(`${op} ${a[w]}, ${b[w]}, cl`, all & ~AF & ~OF)] : []),
    form(`mov cl, 0; ${op} ${a[w]}, ${b[w]}, cl`),
  ]);
}

const multiplication: readonly InstructionForm[] = widths.flatMap((w) => {
  const three = [`${a[w]}, ${b[w]}, 100`, `${a[w]}, ${b[w]}, -3`, `${a[w]}, ${memory[w]}, 1000`];
  return forms(
    CF | OF,
    ...['mul', 'imul'].flatMap((op) => [`${op} ${b[w]}`, `${op} ${memory[w]}`]),
    ...(w === 8 ? [] : [`${a[w]}, ${b[w]}`, ...three].map((operands) => `imul ${operands}`)),
  );
});

/** Divisors are made so that no quotient overflows. */
const division: readonly InstructionForm[] = forms(
  0,
  'xor edx, edx; or rbx, 1; div rbx',
  'xor edx, edx; or ebx, 1; div ebx',
  'xor edx, edx; or bx, 1; div bx',
  'xor ah, ah; or bl, 1; div bl',
  'shr rdx, 1; mov rbx, rdx; add rbx, 1; div rbx',
  ...['', 'neg rbx; '].map((n) => `cqo; shl rbx, 1; shr rbx, 1; or rbx, 5; ${n}idiv rbx`),
  ...['', 'neg ebx; '].map((n) => `cdq; and ebx, 0x7fffffff; or ebx, 5; ${n}idiv ebx`),
  ...['', 'neg bx; '].map((n) => `cwd; and bx, 0x7fff; or bx, 5; ${n}idiv bx`),
  ...['', 'neg bl; '].map((n) => `movsx ax, al; and bl, 0x7f; or bl, 5; ${n}idiv bl`),
  'sar rdx, 2; mov rbx, 0x4000000000000001; mov rcx, rdx; sar rcx, 63; xor rdx, rcx; idiv rbx',
);

function bitTest(op: string): InstructionForm[] {
  return wide.flatMap((w) =>
    forms(
      CF,
      `${op} ${a[w]}, ${c[w]}`,
      `${op} ${a[w]}, 5`,
      `${op} ${memory[w]}, 9`,
      `and rcx, 63; ${op} ${memory[w]}, ${c[w]}`,
      `movsx rcx, cl; or rcx, -64; ${op} ${memory[w].replace('rbp', 'rbp+8')}, ${c[w]}`,
    ),
  );
}

function bitScan(op: string): InstructionForm[] {
  const found = wide.map((w) => `or bx, 0x1000; ${op} ${a[w]}, ${b[w]}`);
  return forms(ZF, ...found, `xor ebx, ebx; ${op} rax, rbx`);
}

const extension: readonly InstructionForm[] = forms(
  all,
  ...['movzx', 'movsx'].flatMap((op) => [
    ...([16, 32, 64] as const).flatMap((to) => [
      `${op} ${a[to]}, bl`,
      `${op} ${a[to]}, byte ptr [rbp+3]`,
    ]),
    ...([32, 64] as const).flatMap((to) => [
      `${op} ${a[to]}, bx`,
      `${op} ${a[to]}, word ptr [rbp+3]`,
    ]),
    `${op} eax, bh`,
  ]),
  ...['movsxd rax, ebx', 'movsxd rax, dword ptr [rbp+2]', 'bswap eax', 'bswap rbx'],
  ...'cbw;cwde;cdqe;cwd;cdq;cqo;lahf;sahf;clc;stc;cmc;nop'.split(';'),
);

const exchange: readonly InstructionForm[] = forms(
  all,
  ...widths.flatMap((w) => [
    ...[`${a[w]}, ${b[w]}`, `${c[w]}, ${d[w]}`, `${memory[w]}, ${b[w]}`].map((o) => `xchg ${o}`),
    ...[`${a[w]}, ${b[w]}`, `${memory[w]}, ${b[w]}`, `${b[w]}, ${b[w]}`].map((o) => `xadd ${o}`),
    ...[`${b[w]}, ${c[w]}`, `${memory[w]}, ${c[w]}`].map((o) => `cmpxchg ${o}`),
    `mov ${a[w]}, ${memory[w]}; lock cmpxchg ${memory[w]}, ${c[w]}`,
    `mov ${b[w]}, ${a[w]}; cmpxchg ${b[w]}, ${d[w]}`,
    ...[`${a[w]}, ${b[w]}`, `${memory[w]}, ${b[w]}`, `${d[w]}, ${oddMemory[w]}`].map(
      (o) => `mov ${o}`,
    ),
    ...[`mov ${oddMemory[w]}, -2`, `mov ${c[w]}, 0x55`],
  ]),
  ...['cmpxchg8b [rbp]', 'mov eax, [rbp]; mov edx, [rbp+4]; cmpxchg8b [rbp]'],
  ...['cmpxchg16b [rbp]', 'mov rax, [rbp]; mov rdx, [rbp+8]; cmpxchg16b [rbp]'],
  ...['mov ah, bl', 'mov bh, ah', 'xchg ah, al'],
  ...['movabs rax, 0x1122334455667788', 'mov rax, -5'],
  'mov sil, al; add sil, bl; movzx eax, sil',
  'mov r8b, al; adc r8b, cl; mov bl, r8b',
  'mov r10, rax; mov r11, rbx; add r10d, r11d; mov rax, r10',
);

function conditional(cc: string): InstructionForm[] {
  return [
    ...forms(all, `set${cc} al`, `set${cc} byte ptr [rbp+2]`),
    ...wide.map((w) => form(`cmov${cc} ${a[w]}, ${b[w]}`)),
    form(`cmov${cc} rax, qword ptr [rbp]`),
    ...forms(all, `j${cc} 71f; mov eax, 17; 71: nop`),
    ...['cmp rax, rbx', 'sub al, bl', 'add eax, ebx', 'inc ax'].map((o) =>
      form(`${o}; set${cc} cl`),
    ),
    form(`cmp eax, ebx; j${cc} 71f; mov ecx, 17; 71: nop`),
    ...['test rax, rbx', 'shl eax, 1'].map((o) => form(`${o}; set${cc} cl`, all & ~AF)),
  ];
}

const addresses = ['[rbx+rcx*4+5]', '[rbx+rcx*8-0x12345]', '[rax]', '[rdx*2]', '[rbx+rax]'];
const narrowAddresses = ['[ebx+ecx]', '[r8+r9*2]', '[ebx*4+7]'];

const control: readonly InstructionForm[] = [
  ...[...addresses, ...narrowAddresses].flatMap((address) =>
    ['rax', 'eax', 'ax'].map((to) => form(`mov r8, rbx; mov r9, rcx; lea ${to}, ${address}`)),
  ),
  ...forms(
    all,
    'and ecx, 7; inc ecx; 71: add rax, rbx; loop 71b',
    'and ecx, 7; inc ecx; 71: dec rax; loopne 71b',
    'and ecx, 7; inc ecx; 71: sub rax, rbx; loope 71b',
    'jrcxz 71f; mov eax, 3; 71: nop',
    'jecxz 71f; mov eax, 3; 71: nop',
    'lea r8, [rip+71f]; jmp r8; mov eax, 9; 71: nop',
    'lea r8, [rip+71f]; push r8; ret; mov eax, 9; 71: nop',
    'push 1; push 2; lea r8, [rip+71f]; push r8; ret 16; mov eax, 9; 71: nop',
    'call 71f; jmp 72f; 71: mov eax, 5; ret; 72: nop',
    'push 0; mov [rsp], rbx; pop rax',
    'mov rbx, rbp; xchg rax, rcx; movzx eax, al; and eax, 0xf; xlatb; mov ebx, 0',
  ),
];

const stack: readonly InstructionForm[] = forms(
  all,
  ...['push rax; pop rbx', 'push ax; pop bx', 'push -3; pop rax', 'push 0x12345678; pop rax'],
  'push qword ptr [rbp]; pop qword ptr [rbp+8]',
  'push word ptr [rbp]; pop ax',
  'pushfq; pop rax; and eax, 0x8d5',
  'and eax, 0x8d5; push rax; popfq',
  'mov r8, rsp; push rsp; pop rax; sub rax, r8',
  'push rax; push rbx; pop [rbp]; pop rcx',
  'mov r8, rbp; enter 16, 0; mov [rbp-8], rax; mov rbx, [rbp-8]; leave; mov rcx, rbp; sub rcx, r8',
  'mov r8, rbp; mov r9, rsp; enter 32, 3; mov rax, r9; sub rax, rbp; mov rbx, [rbp]; ' +
    'sub rbx, r8; mov rcx, r9; sub rcx, rsp; leave',
);

/** Ends with how far RSI and RDI went in RDX and RBX, flags kept. */
const distances = 'cld; pushfq; sub rdi, rbp; mov rbx, rdi; sub rsi, rbp; mov rdx, rsi; popfq';

function strings(direction: 'cld' | 'std', letter: 'b' | 'w' | 'd' | 'q'): InstructionForm[] {
  const count = { b: 3, w: 2, d: 2, q: 1 }[letter];
  const [source, destination] = direction === 'cld' ? [0, 8] : [8, 16];
  const before = `${direction}; lea rsi, [rbp+${source}]; lea rdi, [rbp+${destination}]; mov ecx, ${count}`;
  const plain = ['movs', 'stos', 'lods', 'cmps', 'scas'];
  const repeated = ['rep movs', 'rep stos', 'rep lods', 'repe cmps', 'repne cmps', 'repe scas'];
  const codes = [...plain, ...repeated, 'repne scas', 'xor ecx, ecx; repe cmps'];
  return [...codes, 'xor ecx, ecx; rep movs'].map((code) =>
    form(`${before}; ${code}${letter}; ${distances}`),
  );
}

/** Every form, in the order of the comparison. */
export const instructionForms: readonly InstructionForm[] = [
  ...'add or adc sbb and sub xor cmp test'.split(' ').flatMap(arithmetic),
  ...'inc dec neg not'.split(' ').flatMap(unary),
  ...'rol ror rcl rcr shl shr sar'.split(' ').flatMap(shift),
  ...['shld', 'shrd'].flatMap(doubleShift),
  ...multiplication,
  ...division,
  ...'bt bts btr btc'.split(' ').flatMap(bitTest),
  ...['bsf', 'bsr'].flatMap(bitScan),
  ...extension,
  ...exchange,
  ...conditions.flatMap(conditional),
  ...control,
  ...stack,
  ...(['cld', 'std'] as const).flatMap((direction) =>
    (['b', 'w', 'd', 'q'] as const).flatMap((letter) => strings(direction, letter)),
  ),
];
