// Definitions and references, across includes and for local labels.
import assert from 'node:assert/strict';
import {
  definitionsAt,
  referencesAt,
  type Place,
} from '../../../../../src/language/server/definition';
import { lineOf, programOf } from './program-under-test';

const includes = { 'n.inc': '# numbers\n.equ PORT, 0xe9\n.macro put a\nout PORT, \\a\n.endm\n' };

function placeText({ file, span }: Place): string {
  return `${file.uri.slice(file.uri.lastIndexOf('/') + 1)}:${lineOf(file, span.start)}`;
}

const definitionRows: readonly (readonly [string, string, readonly string[]])[] = [
  ['a label', 'jmp en‸d\nnop\nend:', ['main.s:3']],
  ['a label in AT&T syntax', 'lea en‸d(%rip), %rax\nend:', ['main.s:2']],
  ['a local label forwards', '1: nop\njmp 1‸f\n1: nop\n1: nop', ['main.s:3']],
  ['a local label backwards', '1: nop\n1: nop\njmp ‸1b\n1: nop', ['main.s:2']],
  ['a local label that is not there', 'jmp 2‸f', []],
  ['a constant', 'X = 1\nmov eax, ‸X', ['main.s:1']],
  ['a constant of an include', '.include "n.inc"\nout PO‸RT, al', ['n.inc:2']],
  ['a macro of an include', '.include "n.inc"\npu‸t al', ['n.inc:3']],
  ['an included file', '.include "n.i‸nc"', ['n.inc:1']],
  ['a missing file', '.include "no‸ne"', []],
  ['a parameter of a macro', '.macro m a, b\nmov \\a, \\‸b\n.endm', ['main.s:1']],
  ['a register', 'mov ea‸x, 1', []],
  ['every definition of a name', '.set X, 1\n.set X, 2\nmov eax, ‸X', ['main.s:1', 'main.s:2']],
];

const referenceRows: readonly (readonly [string, string, boolean, readonly string[]])[] = [
  ['a label with its definition', 'a: jmp ‸a\njmp a', true, ['main.s:1', 'main.s:1', 'main.s:2']],
  ['a label without its definition', 'a: jmp ‸a\njmp a', false, ['main.s:1', 'main.s:2']],
  ['a local label', '‸1: jmp 1b\n1: jmp 1b', true, ['main.s:1', 'main.s:1']],
  [
    'a name of an include',
    '.include "n.inc"\nout P‸ORT, al',
    true,
    ['main.s:2', 'n.inc:2', 'n.inc:4'],
  ],
  ['a register', 'mov ea‸x, eax', true, []],
];

describe('definitions', () => {
  for (const [what, text, expected] of definitionRows) {
    it(`finds ${what}`, () => {
      const { program, caret } = programOf(text, includes);
      assert.deepEqual(definitionsAt(program, caret).map(placeText), expected);
    });
  }
});

describe('references', () => {
  for (const [what, text, withDefinition, expected] of referenceRows) {
    it(`finds ${what}`, () => {
      const { program, caret } = programOf(text, includes);
      assert.deepEqual(referencesAt(program, caret, withDefinition).map(placeText), expected);
    });
  }
});
