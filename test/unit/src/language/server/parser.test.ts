// The parser: statements of both syntaxes, and errors that never stop it.
import assert from 'node:assert/strict';
import { parse } from '../../../../../src/language/server/parser';
import type { Statement } from '../../../../../src/language/server/syntax-tree';

/** `labels: prefixes name(operand|operand)` */
function shape({ labels, prefixes, name, operands, kind }: Statement): string {
  const before = labels.map((label) => `${label.name}: `).join('');
  const words = [...prefixes, ...(name === undefined ? [] : [name])].map(({ text }) => text);
  const inside = operands.map(({ tokens }) => tokens.map(({ text }) => text).join(' ')).join('|');
  return `${before}${words.join(' ')}${kind === 'assignment' ? ' =' : ''}(${inside})`;
}

const statementRows: readonly (readonly [string, readonly string[]])[] = [
  ['', []],
  ['  # nothing but a comment', []],
  ['mov eax, 1', ['mov(eax|1)']],
  ['movl $1, %eax', ['movl($ 1|%eax)']],
  ['start: mov eax, [rbx + rcx*8 - 4]', ['start: mov(eax|[ rbx + rcx * 8 - 4 ])']],
  ['a: b: 1: nop', ['a: b: 1: nop()']],
  ['_start:', ['_start: ()']],
  ['movq 8(%rax,%rcx,4), %rdx', ['movq(8 ( %rax , %rcx , 4 )|%rdx)']],
  ['rep stosq', ['rep stosq()']],
  ['lock cmpxchg [rdi], rsi', ['lock cmpxchg([ rdi ]|rsi)']],
  ['rep', ['rep()']],
  ['cli; hlt; jmp 1b', ['cli()', 'hlt()', 'jmp(1b)']],
  ['nop /* a; b\n c */ ; ret # d', ['nop()', 'ret()']],
  ['mov al, ";" // c', ['mov(al|";")']],
  [".byte 'a', '\\n', ';'", [".byte('a'|'\\n'|';')"]],
  ['X = 5 << 2', ['X =(5 << 2)']],
  ['.equ Y, (1 + 2) * 3', ['.equ(Y|( 1 + 2 ) * 3)']],
  ['.ascii "a, b", "c"', ['.ascii("a, b"|"c")']],
  ['mov rax, fs:[0x28]', ['mov(rax|fs : [ 0x28 ])']],
  ['add \\a, \\b\\()_x', ['add(\\a|\\b \\() _x)']],
  ['a \\\n b', ['a(b)']],
  ['nop\r\nret\r\n', ['nop()', 'ret()']],
];

const errorRows: readonly (readonly [string, readonly RegExp[]])[] = [
  ['.ascii "open', [/no closing quotation mark/]],
  ['nop /* open', [/no closing \*\//]],
  ['mov eax, [rbx', [/\[ is not closed/]],
  ['mov eax, rbx)', [/no \( for this \)/]],
  ['mov eax, [rbx)]', [/no \( for this \)/]],
  ['.macro m', [/\.macro is never closed: \.endm/]],
  ['.endm', [/closes nothing/]],
  ['.rept 3\n.endm', [/closes nothing/, /\.rept is never closed: \.endr/]],
  ['.if 1\nnop\n.endif', []],
  ['§ % ^', []],
];

describe('parser of guest assembly', () => {
  for (const [text, expected] of statementRows) {
    it(`reads ${JSON.stringify(text)}`, () => {
      const tree = parse(text);
      assert.deepEqual(tree.statements.map(shape), expected);
      assert.deepEqual(tree.errors, []);
    });
  }

  for (const [text, expected] of errorRows) {
    it(`reports what is wrong with ${JSON.stringify(text)}`, () => {
      const { errors } = parse(text);
      assert.equal(errors.length, expected.length, JSON.stringify(errors));
      expected.forEach((pattern, index) => assert.match(errors[index]?.message ?? '', pattern));
    });
  }

  it('goes on behind an error', () => {
    const { statements } = parse('.ascii "open\nmov eax, 1');
    assert.deepEqual(statements.map(shape), ['.ascii("open)', 'mov(eax|1)']);
  });

  it('knows which syntax is in force and what is inside a macro', () => {
    const { statements } = parse(
      'nop\n.intel_syntax noprefix\n.macro m\nret\n.endm\n.att_syntax\nhlt',
    );
    const facts = statements.map(({ isIntel, insideMacro }) => [isIntel, insideMacro]);
    assert.deepEqual(facts, [
      [false, undefined],
      [false, undefined],
      [true, undefined],
      [true, 'm'],
      [true, 'm'],
      [true, undefined],
      [false, undefined],
    ]);
  });
});
