/** The outline of a file, its folding ranges, and the lens that starts a debug session. */
import {
  FoldingRangeKind,
  SymbolKind,
  type CodeLens,
  type DocumentSymbol,
  type FoldingRange,
} from 'vscode-languageserver';
import type { SourceFile } from './source-file';
import type { SymbolDefinition } from './symbols';

/** Where a guest is entered. */
export const entryLabel = '_start';

/** Command that the extension registers; its argument is the document's URI as text. */
export const debugGuestCommand = 'hyperscope.debugGuest';

function outlineKind({ kind, isCode }: SymbolDefinition): SymbolKind {
  if (kind === 'constant') return SymbolKind.Constant;
  if (kind === 'macro') return SymbolKind.Module;
  return isCode ? SymbolKind.Function : SymbolKind.Variable;
}

/** A symbol for each label, constant and macro, in the order of the file. */
export function documentSymbols(file: SourceFile): DocumentSymbol[] {
  return file.symbols.definitions.map((definition) => ({
    name: definition.name,
    detail: definition.kind === 'label' && definition.isCode ? '' : definition.kind,
    kind: outlineKind(definition),
    range: file.rangeOf(definition.extent),
    selectionRange: file.rangeOf(definition.span),
  }));
}

/** "Debug this guest" above the entry. */
export function codeLenses(file: SourceFile): CodeLens[] {
  return file.symbols.definitions
    .filter(({ kind, name }) => kind === 'label' && name === entryLabel)
    .map(({ span }) => ({
      range: file.rangeOf(span),
      command: {
        title: '$(debug-alt) Debug this guest',
        command: debugGuestCommand,
        arguments: [file.uri],
      },
    }));
}

/** Macros, repetitions and conditions fold, and so do comments of several lines. */
export function foldingRanges(file: SourceFile): FoldingRange[] {
  const blocks = file.tree.blocks.map((block) => {
    const { start, end } = file.rangeOf(block);
    return { startLine: start.line, endLine: Math.max(start.line, end.line - 1) };
  });
  return [...blocks, ...commentRanges(file)].filter(
    ({ startLine, endLine }) => endLine > startLine,
  );
}

function commentRanges(file: SourceFile): FoldingRange[] {
  const ranges: FoldingRange[] = [];
  for (const comment of file.tree.comments) {
    const { start, end } = file.rangeOf(comment);
    const startsLine = /^\s*$/.test(
      file.text.slice(file.text.lastIndexOf('\n', comment.start - 1) + 1, comment.start),
    );
    if (!startsLine) continue;
    const last = ranges.at(-1);
    if (last?.endLine === start.line - 1) last.endLine = end.line;
    else {
      ranges.push({
        startLine: start.line,
        endLine: end.line,
        kind: FoldingRangeKind.Comment,
      });
    }
  }
  return ranges;
}
