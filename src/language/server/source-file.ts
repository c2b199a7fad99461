/** One version of one source file, parsed. */
import type { Position, Range } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { parse } from './parser';
import { collectSymbols, type FileSymbols } from './symbols';
import type { SourceTree, Statement } from './syntax-tree';
import { touches, type Span, type Token } from './token';

export class SourceFile {
  readonly tree: SourceTree;
  readonly symbols: FileSymbols;

  constructor(private readonly document: TextDocument) {
    this.tree = parse(this.text);
    this.symbols = collectSymbols(this.tree, this.text);
  }

  static of(uri: string, text: string): SourceFile {
    return new SourceFile(TextDocument.create(uri, 'hyperscope-asm', 0, text));
  }

  get uri(): string {
    return this.document.uri;
  }

  get text(): string {
    return this.document.getText();
  }

  offsetAt(position: Position): number {
    return this.document.offsetAt(position);
  }

  rangeOf(span: Span): Range {
    return {
      start: this.document.positionAt(span.start),
      end: this.document.positionAt(span.end),
    };
  }

  /** The token under or just before `offset`; a name wins over what stands beside it. */
  tokenAt(offset: number): Token | undefined {
    const near = touchingSpans(this.tree.tokens, offset);
    return near.find(({ kind }) => kind !== 'punctuation') ?? near[0];
  }

  commentAt(offset: number): Token | undefined {
    return touchingSpans(this.tree.comments, offset)[0];
  }

  /** Index of the statement around `offset`, -1 where there is none. */
  statementIndexAt(offset: number): number {
    return this.tree.statements.findIndex((statement) => touches(statement, offset));
  }

  statementAt(offset: number): Statement | undefined {
    return this.tree.statements[this.statementIndexAt(offset)];
  }
}

/** Spans of an ordered list that touch `offset`, by binary search. */
function touchingSpans<T extends Span>(spans: readonly T[], offset: number): T[] {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((spans[middle]?.end ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  const found: T[] = [];
  for (let index = low; index < spans.length; index++) {
    const span = spans[index];
    if (span === undefined || span.start > offset) break;
    found.push(span);
  }
  return found;
}
