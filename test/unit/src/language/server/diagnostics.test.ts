// Diagnostics: what is reported, and above all what is not.
import assert from 'node:assert/strict';
import { DiagnosticSeverity } from 'vscode-languageserver';
import { diagnose } from '../../../../../src/language/server/diagnostics';
import { programOf } from './program-under-test';

const includes = { 'n.inc': '.equ PORT, 0xe9\n.macro put a\n.endm\n' };

/** Source, and `line: code` of each diagnostic. */
const rows: readonly (readonly [string, readonly string[]])[] = [
  ['_start: jmp nowhere', ['1: undefined-label']],
  ['jmp nowhere', []],
  ['_start: mov nowhere(%rip), %eax', ['1: undefined-label']],
  ['_start: .quad nowhere', ['1: undefined-label']],
  ['_start: .extern elsewhere\ncall elsewhere', []],
  ['jmp 1f\n2: nop', ['1: undefined-label']],
  ['jmp 3b', ['1: undefined-label']],
  ['a: nop\na: nop', ['2: duplicate-label']],
  ['1: nop\n1: nop', []],
  ['frobnicate eax', ['1: unknown-mnemonic']],
  ['.frobnicate 1', ['1: unknown-directive']],
  ['.include "n.inc"\nput al\nout PORT, al', []],
  ['.include "none.inc"\nfrobnicate PORT', ['1: missing-include']],
  ['.ascii "open', ['1: syntax']],
  ['.macro m a\nmov \\a, nothing\njmp 9f\n.endm\nm eax', []],
  ['.intel_syntax noprefix\nmov ecx, LENGTH\n.equ LENGTH, 5', ['2: constant-used-early']],
  ['.intel_syntax noprefix\n.equ LENGTH, 5\nmov ecx, LENGTH', []],
  ['movl $LENGTH, %ecx\n.equ LENGTH, 5', []],
  ['.intel_syntax noprefix\nmov eax, dword ptr [rip + x]\nx: .long . - x', []],
  ['call f@PLT\nf: ret', []],
  ['.globl _start\n.section .text.x, "ax", @progbits\n.type _start, @function\n_start:', []],
  ['movabs $0x1122334455667788, %rax\nmovzbl %al, %eax\nlcall *(%rax)', []],
];

describe('diagnostics', () => {
  for (const [text, expected] of rows) {
    it(`reports ${JSON.stringify(expected)} for ${JSON.stringify(text)}`, () => {
      const found = diagnose(programOf(text, includes).program);
      assert.deepEqual(
        found.map(({ range, code }) => `${range.start.line + 1}: ${String(code)}`),
        expected,
      );
    });
  }

  it('only hints at an unknown mnemonic, because the table may not be complete', () => {
    const [hint] = diagnose(programOf('frobnicate').program);
    assert.equal(hint?.severity, DiagnosticSeverity.Hint);
  });

  it('stops at 200', () => {
    assert.equal(diagnose(programOf('jmp 1f\n'.repeat(1000)).program).length, 200);
  });
});
