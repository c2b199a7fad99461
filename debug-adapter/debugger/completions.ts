/** Completions for expressions: registers, VMCS fields, symbols, size words, decoded fields and breakpoint events. */
import type { VmExitEvent } from '../machine/trace';
import { msrs } from '../spec/x86/msrs';
import { vmcsFields } from '../spec/x86/vmcs-fields';
import { sizeWords } from './expressions/parse-expression';
import { exitFields } from './exits/exit-fields';
import { registers } from './registers';
import type { SymbolIndex } from './symbols/symbol-index';

/** One proposal; it replaces `length` characters before the cursor. */
export interface Completion {
  readonly label: string;
  readonly kind: 'register' | 'field' | 'symbol' | 'keyword';
  readonly detail: string;
  readonly length: number;
}

const maxCompletions = 200;
const wordPattern = /[$A-Za-z_.@?][\w.@$?]*$/;

/** Proposals for the word that ends at the cursor, best group first; at most 200. */
export function completeExpression(
  textBeforeCursor: string,
  symbols: SymbolIndex,
  exit: VmExitEvent | undefined,
): readonly Completion[] {
  const word = wordPattern.exec(textBeforeCursor)?.[0] ?? '';
  const dollar = word.startsWith('$');
  const prefix = (dollar ? word.slice(1) : word).toLowerCase();
  const { length } = word;
  const found: Completion[] = [];
  const propose = (label: string, kind: Completion['kind'], detail: string): void => {
    if (found.length < maxCompletions && label.toLowerCase().startsWith(prefix)) {
      found.push({ label: dollar ? `$${label}` : label, kind, detail, length });
    }
  };
  if (!dollar && exit !== undefined) {
    for (const name of exitFields(exit).keys()) propose(name, 'field', 'field of this VM exit');
  }
  for (const { name, title } of registers) propose(name, 'register', title);
  if (!dollar) {
    for (const size of sizeWords.keys()) propose(size, 'keyword', 'memory operand');
    for (const { name } of symbols.names) propose(name, 'symbol', 'symbol of the program');
  }
  if (prefix === '') return found;
  for (const { name } of msrs) propose(name, 'register', 'MSR');
  for (const { name } of vmcsFields) propose(name, 'register', 'VMCS field');
  return found;
}
