/** Completions: mnemonics, directives and macros where a statement begins, names and registers in operands. */
import { CompletionItemKind, type CompletionItem } from 'vscode-languageserver';
import { hypercalls } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { instructions } from '../../../debug-adapter/spec/x86/instructions';
import { msrs } from '../../../debug-adapter/spec/x86/msrs';
import { registers } from '../../../debug-adapter/spec/x86/registers';
import {
  describeDirective,
  describeHypercall,
  describeInstruction,
  describeMsr,
  describeRegister,
  hexOf,
} from './describe';
import { directives } from './directives';
import type { PlacedDefinition, Program } from './program';
import type { SymbolKind } from './symbols';

function item(
  label: string,
  kind: CompletionItemKind,
  detail: string,
  markdown: string,
): CompletionItem {
  return { label, kind, detail, documentation: { kind: 'markdown', value: markdown } };
}

const mnemonicItems = instructions.map((instruction) =>
  item(
    instruction.mnemonic,
    CompletionItemKind.Keyword,
    instruction.summary,
    describeInstruction(instruction),
  ),
);

const directiveItems = directives.map((directive) =>
  item(directive.name, CompletionItemKind.Keyword, directive.summary, describeDirective(directive)),
);

const registerItems = registers.map((register) =>
  item(register.name, CompletionItemKind.Variable, register.role, describeRegister(register)),
);

/** Numbers that have a name in a specification, for files that do not include the generated constants. */
const numberItems: readonly CompletionItem[] = [
  ...msrs.map((msr) => ({
    ...item(msr.name, CompletionItemKind.Constant, `MSR ${hexOf(msr.number)}`, describeMsr(msr)),
    insertText: hexOf(msr.number),
  })),
  ...hypercalls.map((call) => ({
    ...item(
      call.name,
      CompletionItemKind.Constant,
      `hypercall ${hexOf(call.code)}`,
      describeHypercall(call),
    ),
    insertText: hexOf(call.code),
  })),
];

const kindOfSymbol: Readonly<Record<SymbolKind, CompletionItemKind>> = {
  label: CompletionItemKind.Function,
  constant: CompletionItemKind.Constant,
  macro: CompletionItemKind.Snippet,
};

function symbolItem(program: Program, { definition }: PlacedDefinition): CompletionItem {
  const value = definition.kind === 'constant' ? program.valueOf(definition.name) : undefined;
  const detail = value === undefined ? definition.kind : `${definition.kind} ${hexOf(value)}`;
  return item(definition.name, kindOfSymbol[definition.kind], detail, definition.documentation);
}

/** Whether the text of the line before the caret ends where a mnemonic or directive is expected. */
function isStatementStart(lineBefore: string): boolean {
  const statement = lineBefore.slice(lineBefore.lastIndexOf(';') + 1);
  return /^\s*(?:[\w.$]+:\s*)*(?:(?:rep\w*|lock)\s+)?[.\w]*$/i.test(statement);
}

/** Completions at an offset of the program's main file; the editor filters them by what is typed. */
export function completionsAt(program: Program, offset: number): CompletionItem[] {
  const { main } = program;
  if (main.commentAt(offset - 1) !== undefined) return [];
  const { text } = main;
  const lineBefore = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  const symbols = program.definitions.map((placed) => symbolItem(program, placed));
  const isMacro = ({ kind }: CompletionItem): boolean => kind === CompletionItemKind.Snippet;
  if (isStatementStart(lineBefore)) {
    return [...mnemonicItems, ...directiveItems, ...symbols.filter(isMacro)];
  }
  const names = symbols.filter((symbol) => !isMacro(symbol));
  const known = new Set(names.map(({ label }) => label));
  return [...registerItems, ...names, ...numberItems.filter(({ label }) => !known.has(label))];
}
