// Renaming, and the hints behind bare numbers.
import assert from 'node:assert/strict';
import { inlayHints } from '../../../../../src/language/server/inlay-hints';
import { renameAt, renameableRangeAt } from '../../../../../src/language/server/rename';
import { programOf } from './program-under-test';

const includes = { 'n.inc': '.equ PORT, 0xe9\n' };

/** Source, new name, and lines of the edits by file, or the objection. */
const renameRows: readonly (readonly [string, string, Record<string, number[]> | RegExp])[] = [
  ['jmp ‸a\na: jmp a', 'b', { 'main.s': [1, 2, 2] }],
  ['‸a: jmp a', 'b', { 'main.s': [1, 1] }],
  ['.include "n.inc"\nout PO‸RT, al', 'CONSOLE', { 'main.s': [2], 'n.inc': [1] }],
  ['‸a: nop\nb: nop', 'b', /already defined/],
  ['‸a: nop', 'rax', /is a register/],
  ['‸a: nop', 'mov', /is an instruction/],
  ['‸a: nop', '1x', /not a name/],
  ['mov ea‸x, 1', 'b', /cannot be renamed/],
  ['‸1: nop', 'b', /cannot be renamed/],
];

const hintRows: readonly (readonly [string, readonly string[]])[] = [
  ['mov eax, 0x40000001\ncpuid', ['Hypervisor interface']],
  ['mov ecx, 0x40000000\nwrmsr', ['HV_X64_MSR_GUEST_OS_ID']],
  ['movl $0x1000c, %ecx\nmovl $0x5d, %ecx\nvmcall', ['HvCallSignalEvent']],
  ['int 3', ['#BP']],
  ['mov eax, 5', []],
  ['X = 0x40000001\nmov ecx, X\nwrmsr', []],
];

describe('rename', () => {
  for (const [text, newName, expected] of renameRows) {
    it(`gives ${JSON.stringify(text)} the name ${newName}, or says why not`, () => {
      const { program, caret } = programOf(text, includes);
      const result = renameAt(program, caret, newName);
      if (expected instanceof RegExp) {
        assert.match(String(result), expected);
        return;
      }
      assert.ok(typeof result !== 'string' && renameableRangeAt(program, caret) !== undefined);
      const lines = Object.entries(result).map(([uri, edits]) => [
        uri.slice(uri.lastIndexOf('/') + 1),
        edits.map(({ range }) => range.start.line + 1),
      ]);
      assert.deepEqual(Object.fromEntries(lines), expected);
    });
  }
});

describe('inlay hints', () => {
  for (const [text, expected] of hintRows) {
    it(`name ${JSON.stringify(expected)} in ${JSON.stringify(text)}`, () => {
      const { main } = programOf(text).program;
      const all = main.rangeOf({ start: 0, end: text.length });
      assert.deepEqual(
        inlayHints(main, all).map(({ label }) => label),
        expected,
      );
    });
  }
});
