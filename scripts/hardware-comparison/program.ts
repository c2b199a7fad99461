/** The program that runs every instruction form on every set of operands, for Linux and for a guest partition. */
import { instructionForms, type InstructionForm } from './forms';

/** Results of one form with one set of operands: RAX, RBX, RCX, RDX, [RBP-8], [RBP+16], flags, [RBP], [RBP+8]. */
export const recordBytes = 72;

const flagsOffset = 48;

/** RAX, RBX, RCX, RDX, flags, then memory from [RBP] on and [RBP-8]. */
const operandBytes = 72;

export const operandSetCount = 64;

const edges = [
  0n,
  1n,
  2n,
  3n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xfffffffen,
  0xffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xaaaaaaaaaaaaaaaan,
  0xffffffffffffffffn,
];

/** SplitMix64 with a fixed seed: the comparison is the same every time. */
class OperandSource {
  private state = 7n;

  next(): bigint {
    this.state = BigInt.asUintN(64, this.state + 0x9e3779b97f4a7c15n);
    let mixed = BigInt.asUintN(64, (this.state ^ (this.state >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  }

  /** Half of them values where something overflows or changes sign, some small, the rest anything. */
  operand(): bigint {
    const kind = this.next() % 10n;
    const value = this.next();
    if (kind < 5n) return edges[Number(value % BigInt(edges.length))] ?? 0n;
    return kind < 6n ? value % 70n : value;
  }

  set(): readonly bigint[] {
    const values = Array.from({ length: 9 }, () => this.operand());
    values[4] = (this.next() & 0x8d5n) | 2n;
    return values;
  }
}

function formText({ code, definedFlags }: InstructionForm): string {
  const mask = `and dword ptr [r13-${recordBytes - flagsOffset}], 0x${definedFlags.toString(16)}`;
  return ['call load_state', ...code.split(/;\s*/), 'call save_state', mask].join('\n');
}

const routines = `
load_state:
  lea rbp, [rip+scratch]
  mov r8, [r14+40]; mov [rbp], r8
  mov r8, [r14+48]; mov [rbp+8], r8
  mov r8, [r14+56]; mov [rbp+16], r8
  mov r8, [r14+64]; mov [rbp-8], r8
  xor r8d, r8d
  mov rax, [r14]; mov rbx, [r14+8]; mov rcx, [r14+16]; mov rdx, [r14+24]
  push qword ptr [r14+32]
  popfq
  ret
save_state:
  pushfq
  cld
  mov [r13], rax; mov [r13+8], rbx; mov [r13+16], rcx; mov [r13+24], rdx
  mov r8, [rbp-8]; mov [r13+32], r8
  mov r8, [rbp+16]; mov [r13+40], r8
  pop r8; and r8d, 0x8d5; mov [r13+48], r8
  mov r8, [rbp]; mov [r13+56], r8
  mov r8, [rbp+8]; mov [r13+64], r8
  add r13, ${recordBytes}
  ret`;

/** GNU assembly. With `NATIVE` defined it writes its results to the standard output, else it halts. */
export function comparisonProgram(): string {
  const source = new OperandSource();
  const sets = Array.from({ length: operandSetCount }, () => source.set());
  const resultBytes = instructionForms.length * operandSetCount * recordBytes;
  return [
    '.intel_syntax noprefix\n.globl _start\n.globl results\n.text\n_start:',
    'lea r13, [rip+results]\nlea r14, [rip+inputs]',
    `mov r12d, ${operandSetCount}\nnext_set:`,
    ...instructionForms.map(formText),
    `add r14, ${operandBytes}\ndec r12d\njnz next_set`,
    '.ifdef NATIVE',
    `mov eax, 1; mov edi, 1; lea rsi, [rip+results]; mov edx, ${resultBytes}; syscall`,
    'mov eax, 60; xor edi, edi; syscall',
    '.else\ncli\nhlt\n.endif',
    routines,
    '.data\n.balign 64\n.skip 64\nscratch: .skip 64\ninputs:',
    ...sets.map((set) => `.quad ${set.map((value) => `0x${value.toString(16)}`).join(', ')}`),
    `.bss\n.balign 4096\nresults: .skip ${resultBytes}\n`,
  ].join('\n');
}
