// Outline, lens, folding and completions.
import assert from 'node:assert/strict';
import { SymbolKind } from 'vscode-languageserver';
import { completionsAt } from '../../../../../src/language/server/completion';
import {
  codeLenses,
  documentSymbols,
  foldingRanges,
} from '../../../../../src/language/server/outline';
import { programOf } from './program-under-test';

const guest = [
  '# A guest.',
  '# It halts.',
  '.equ SIZE, 8',
  '.macro stop',
  'hlt',
  '.endm',
  '_start:',
  'stop',
  'table:',
  '.skip SIZE',
].join('\n');

const completionRows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['‸', ['mov', '.equ'], ['rax', 'table']],
  ['ho‸', ['hlt'], ['rax']],
  ['a: 1: ‸', ['mov'], ['rax']],
  ['rep ‸', ['stosq'], ['rax']],
  ['nop; ‸', ['mov'], ['rax']],
  ['mov ‸', ['rax', 'HV_X64_MSR_HYPERCALL', 'HvCallPostMessage'], ['mov']],
  ['X = 1\nmov eax, ‸', ['X'], ['mov']],
  ['.macro m\n.endm\n‸', ['m'], []],
  ['# mov ‸', [], ['rax', 'mov']],
];

describe('outline', () => {
  const { program } = programOf(guest);

  it('lists labels, constants and macros with their kinds', () => {
    const symbols = documentSymbols(program.main).map(({ name, kind }) => [name, kind]);
    assert.deepEqual(symbols, [
      ['SIZE', SymbolKind.Constant],
      ['stop', SymbolKind.Module],
      ['_start', SymbolKind.Function],
      ['table', SymbolKind.Variable],
    ]);
  });

  it('puts the debug lens above the entry', () => {
    const [lens, ...others] = codeLenses(program.main);
    assert.equal(lens?.range.start.line, 6);
    assert.equal(lens.command?.command, 'hyperscope.debugGuest');
    assert.deepEqual(lens.command?.arguments, ['file:///guest/main.s']);
    assert.deepEqual(others, []);
  });

  it('folds macros and comments', () => {
    const ranges = foldingRanges(program.main).map(({ startLine, endLine }) => [
      startLine,
      endLine,
    ]);
    assert.deepEqual(ranges, [
      [3, 4],
      [0, 1],
    ]);
  });
});

describe('completions', () => {
  for (const [text, wanted, unwanted] of completionRows) {
    it(`fit ${JSON.stringify(text)}`, () => {
      const { program, caret } = programOf(text);
      const labels = new Set(completionsAt(program, caret).map(({ label }) => label));
      for (const label of wanted) assert.ok(labels.has(label), `${label} is missing`);
      for (const label of unwanted) assert.ok(!labels.has(label), `${label} is offered`);
    });
  }

  it('insert the number where a specification name is not defined', () => {
    const { program, caret } = programOf('mov ecx, ‸');
    const item = completionsAt(program, caret).find(({ label }) => label === 'IA32_EFER');
    assert.equal(item?.insertText, '0xc0000080');
  });
});
