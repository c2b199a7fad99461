/** Names behind bare numbers: `mov eax, 0x40000001` shows what CPUID leaf that is. */
import type { InlayHint, Range } from 'vscode-languageserver';
import { numberValue } from './expression';
import { nameInRole, roleOfNumber } from './number-role';
import type { SourceFile } from './source-file';
import type { Operand } from './syntax-tree';
import type { Token } from './token';

/** The number that an operand is, without AT&T's `$`; undefined for all other operands. */
function bareNumber({ tokens }: Operand): Token | undefined {
  const rest = tokens[0]?.text === '$' ? tokens.slice(1) : tokens;
  return rest.length === 1 && rest[0]?.kind === 'number' ? rest[0] : undefined;
}

/** Hints for the statements that touch `range`. */
export function inlayHints(file: SourceFile, range: Range): InlayHint[] {
  const start = file.offsetAt(range.start);
  const end = file.offsetAt(range.end);
  const hints: InlayHint[] = [];
  file.tree.statements.forEach((statement, index) => {
    if (statement.kind !== 'instruction' || statement.end < start || statement.start > end) return;
    for (const operand of statement.operands) {
      const token = bareNumber(operand);
      const value = token === undefined ? undefined : numberValue(token.text);
      if (token === undefined || value === undefined) continue;
      const role = roleOfNumber(file.tree.statements, index);
      const label = role === undefined ? '' : nameInRole(value, role);
      const position = file.rangeOf(token).end;
      if (label !== '') hints.push({ position, label, paddingLeft: true });
    }
  });
  return hints;
}
