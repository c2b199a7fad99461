// No text makes the language server throw or stall.
import assert from 'node:assert/strict';
import { completionsAt } from '../../../../../src/language/server/completion';
import { definitionsAt, referencesAt } from '../../../../../src/language/server/definition';
import { diagnose } from '../../../../../src/language/server/diagnostics';
import { hoverAt } from '../../../../../src/language/server/hover';
import {
  codeLenses,
  documentSymbols,
  foldingRanges,
} from '../../../../../src/language/server/outline';
import { inlayHints } from '../../../../../src/language/server/inlay-hints';
import { renameAt } from '../../../../../src/language/server/rename';
import { parse } from '../../../../../src/language/server/parser';
import { programOf } from './program-under-test';

const pieces = (
  'mov eax ebx , 1 0x40000001 1f 1b 1: a: a .equ X = ( ) [ ] + - * / % << ; \n # // /* */ " \' \\ \\a \\@ $ . .macro .endm ' +
  '.include "n.inc" .if .endif .rept .endr rep lock call hypercall_page vmcall wrmsr cpuid out 0xe9 %rax ~ ! @ __proto__ constructor'
).split(' ');

/** Mulberry32: small, seeded, good enough to choose words. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function wordSoup(random: () => number): string {
  const length = Math.floor(random() * 60);
  return Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join(
    random() < 0.5 ? ' ' : '',
  );
}

function byteSoup(random: () => number): string {
  const bytes = Array.from({ length: Math.floor(random() * 200) }, () => random() * 256);
  return Buffer.from(bytes).toString(random() < 0.5 ? 'latin1' : 'utf8');
}

function askEverything(text: string, caret: number): void {
  const { program } = programOf(text, { 'n.inc': '.equ X, a\na: .include "n.inc"' });
  diagnose(program);
  documentSymbols(program.main);
  codeLenses(program.main);
  foldingRanges(program.main);
  inlayHints(program.main, program.main.rangeOf({ start: 0, end: text.length }));
  renameAt(program, caret, 'renamed');
  hoverAt(program, caret);
  definitionsAt(program, caret);
  referencesAt(program, caret, true);
  completionsAt(program, caret);
}

describe('any text', () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

  it(`is answered without an exception (SEED=${seed})`, () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 1500; round++) {
      const text = round % 3 === 0 ? byteSoup(random) : wordSoup(random);
      const caret = Math.floor(random() * (text.length + 1));
      try {
        askEverything(text, caret);
      } catch (error) {
        assert.fail(
          `SEED=${seed}, round ${round}: ${JSON.stringify(text)} at ${caret}: ${String(error)}`,
        );
      }
    }
  }).timeout(20_000);

  const longTexts: readonly (readonly [string, string])[] = [
    ['one line of commas', ','.repeat(200_000)],
    ['unclosed comments', '/*'.repeat(100_000)],
    ['unclosed strings', '"\n'.repeat(100_000)],
    ['open brackets', '('.repeat(200_000)],
    ['labels', 'a:'.repeat(100_000)],
    ['backslashes', '\\'.repeat(200_000)],
    ['quotation marks', "'".repeat(200_000)],
    ['comment lines', '#\n'.repeat(100_000)],
    ['prefixes', 'rep '.repeat(100_000)],
  ];
  for (const [what, text] of longTexts) {
    it(`is parsed in linear time: ${what}`, () => {
      const start = performance.now();
      parse(text);
      const elapsedMs = performance.now() - start;
      assert.ok(elapsedMs < 2000, `${elapsedMs.toFixed(0)} ms`);
    }).timeout(10_000);
  }
});
