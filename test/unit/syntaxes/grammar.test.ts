// Highlighting, with the engine that VS Code uses: source line → scope of each word.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as oniguruma from 'vscode-oniguruma';
import * as textmate from 'vscode-textmate';
import type { IGrammar } from 'vscode-textmate';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const grammarPath = `${root}syntaxes/hyperscope-asm.tmLanguage.json`;
const scopeName = 'source.hyperscope-asm';

async function loadGrammar(): Promise<IGrammar> {
  const require = createRequire(import.meta.url);
  await oniguruma.loadWASM(readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')));
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: () =>
      Promise.resolve(textmate.parseRawGrammar(readFileSync(grammarPath, 'utf8'), grammarPath)),
  });
  const grammar = await registry.loadGrammar(scopeName);
  assert.ok(grammar !== null);
  return grammar;
}

/** Source text, a word in it, and the beginning of its innermost scope. */
const rows: readonly (readonly [string, string, string])[] = [
  ['mov eax, 1', 'mov', 'keyword.mnemonic'],
  ['mov eax, 1', 'eax', 'support.type.register'],
  ['mov eax, 1', '1', 'constant.numeric.decimal'],
  ['movq $0x10, %r11', '0x10', 'constant.numeric.hex'],
  ['movq $0x10, %r11', '%r11', 'support.type.register'],
  ['_start: cli', '_start', 'entity.name.function.label'],
  ['_start: cli', 'cli', 'support.function.instruction.system'],
  ['1: lodsb', '1', 'entity.name.function.label.local'],
  ['1: lodsb', 'lodsb', 'keyword.mnemonic'],
  ['jnz 1b', 'jnz', 'keyword.control.flow'],
  ['jnz 1b', '1b', 'entity.name.function.label.local'],
  ['mov al, 0b101', '0b101', 'constant.numeric.binary'],
  ['wrmsr', 'wrmsr', 'support.function.instruction.system'],
  ['vmcall', 'vmcall', 'support.function.instruction.system'],
  ['rep stosq', 'rep', 'keyword.other.prefix'],
  ['rep stosq', 'stosq', 'keyword.mnemonic'],
  ['cli; hlt', 'hlt', 'keyword.control.flow'],
  ['nop # mov eax', 'mov eax', 'comment.line.number-sign'],
  ['nop // mov', 'mov', 'comment.line.double-slash'],
  ['nop /* mov */', ' mov ', 'comment.block'],
  ['.asciz "mov # eax"', 'mov # eax', 'string.quoted.double'],
  ['.asciz "a\\n"', '\\n', 'constant.character.escape'],
  ["mov al, '#'", "'#'", 'string.quoted.single'],
  ['.equ PAGE, 4096', '.equ', 'keyword.control.directive'],
  ['.equ PAGE, 4096', 'PAGE', 'variable.other.constant'],
  ['PAGE = 4096', 'PAGE', 'variable.other.constant'],
  ['.macro say text', 'say', 'entity.name.function.macro'],
  ['lea rsi, \\text', '\\text', 'variable.parameter.macro'],
  ['.include "a.inc"', '.include', 'keyword.control.import'],
  ['.if 1', '.if', 'keyword.control.conditional'],
  ['mov ecx, HV_X64_MSR_HYPERCALL', 'HV_X64_MSR_HYPERCALL', 'variable.other.constant.hypervisor'],
  ['mov rcx, HvCallPostMessage', 'HvCallPostMessage', 'variable.other.constant.hypercall'],
  ['mov qword ptr [rdi], 0', 'qword', 'storage.modifier.size'],
  ['mov rax, fs:[0x28]', 'fs', 'support.type.register'],
  ['mov rax, cr3', 'cr3', 'support.type.register'],
  ['call inner_loop', 'inner_loop', 'variable.other'],
  ['.Lnext: nop', '.Lnext', 'entity.name.function.label'],
];

describe('grammar of guest assembly', () => {
  let grammar: IGrammar;

  before(async () => {
    grammar = await loadGrammar();
  });

  for (const [line, word, expected] of rows) {
    it(`gives ${JSON.stringify(word)} in ${JSON.stringify(line)} the scope ${expected}`, () => {
      const { tokens } = grammar.tokenizeLine(line, textmate.INITIAL);
      const at = line.indexOf(word);
      const token = tokens.find(({ startIndex, endIndex }) => startIndex <= at && at < endIndex);
      const innermost = token?.scopes.at(-1) ?? '';
      assert.ok(innermost.startsWith(expected), `${innermost} at ${at}`);
    });
  }

  it('goes on after a string that is not closed', () => {
    const first = grammar.tokenizeLine('.ascii "open', textmate.INITIAL);
    const second = grammar.tokenizeLine('mov eax, 1', first.ruleStack);
    assert.ok(second.tokens.some(({ scopes }) => scopes.at(-1)?.startsWith('keyword.mnemonic')));
  });
});
