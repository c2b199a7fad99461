// Disassembly text and the facts that stepping relies on.
import assert from 'node:assert/strict';
import type { AssemblySyntax, InstructionFlow } from '../../../debug-adapter/backends/disassembler';
import { icedDisassembler } from '../../../debug-adapter/host/iced-disassembler';

function decode(hex: string, syntax: AssemblySyntax = 'intel', limit = 100) {
  const bytes = new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return icedDisassembler.decode(bytes, 0x1000n, limit, syntax, (address) =>
    address === 0x1010n ? 'callee' : undefined,
  );
}

const rows: readonly (readonly [
  hex: string,
  text: string,
  flow: InstructionFlow,
  repeats: boolean,
])[] = [
  ['90', 'nop', 'next', false],
  ['48 89 e5', 'mov rbp, rsp', 'next', false],
  ['e8 0b 00 00 00', 'call 0x1010 <callee>', 'call', false],
  ['ff d0', 'call rax', 'call', false],
  ['c3', 'ret', 'return', false],
  ['eb fe', 'jmp 0x1000', 'jump', false],
  ['75 fe', 'jne 0x1000', 'conditional-jump', false],
  ['cd 80', 'int 0x80', 'interrupt', false],
  ['0f 05', 'syscall', 'system-call', false],
  ['0f 01 c1', 'vmcall', 'hypercall', false],
  ['f4', 'hlt', 'halt', false],
  ['0f 0b', 'ud2', 'exception', false],
  ['f3 a4', 'rep movsb [rdi], [rsi]', 'next', true],
  ['a4', 'movsb [rdi], [rsi]', 'next', false],
  ['f3 90', 'pause', 'next', false],
];

describe('disassembler', () => {
  for (const [hex, text, flow, repeats] of rows) {
    it(`decodes ${hex}`, () => {
      const [row] = decode(hex);
      assert.deepEqual(
        [row?.text, row?.flow, row?.repeats, row?.valid],
        [text, flow, repeats, true],
      );
      assert.equal(row?.length, hex.split(' ').length);
    });
  }

  it('writes other notations', () => {
    assert.equal(decode('48 89 e5', 'gnu')[0]?.text, 'mov %rsp, %rbp');
    assert.equal(decode('48 89 e5', 'nasm')[0]?.text, 'mov rbp, rsp');
  });

  it('covers invalid bytes one by one', () => {
    const read = decode('06 90 0f');
    assert.deepEqual(
      read.map((row) => [Number(row.address), row.length, row.valid, row.text]),
      [
        [0x1000, 1, false, '.byte 0x06'],
        [0x1001, 1, true, 'nop'],
        [0x1002, 1, false, '.byte 0x0f'],
      ],
    );
  });

  it('stops at the limit and wraps at the end of the address space', () => {
    assert.equal(decode('90 90 90', 'intel', 2).length, 2);
    const last = icedDisassembler.decode(
      Uint8Array.of(0x90, 0x90),
      (1n << 64n) - 1n,
      5,
      'intel',
      () => undefined,
    );
    assert.deepEqual(
      last.map((row) => row.address),
      [(1n << 64n) - 1n, 0n],
    );
  });
});
