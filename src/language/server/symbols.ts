/** What one source file defines: labels, constants and macros, with the comments that explain them. */
import type { SourceTree, Statement } from './syntax-tree';
import type { Span, Token } from './token';

export type SymbolKind = 'label' | 'constant' | 'macro';

export interface SymbolDefinition {
  readonly kind: SymbolKind;
  readonly name: string;
  /** The name where it is defined. */
  readonly span: Span;
  /** The whole defining statement; for a macro up to its end. */
  readonly extent: Span;
  /** Expression of a constant. */
  readonly value: readonly Token[];
  /** Parameters of a macro, as written. */
  readonly parameters: readonly string[];
  /** Text of the comment that stands behind the definition or in the lines above it. */
  readonly documentation: string;
  /** True for a label whose statement, or the next one with a name, is an instruction. */
  readonly isCode: boolean;
}

/** A local label (`1:`); the same number may be defined many times. */
export interface LocalLabel {
  readonly name: string;
  readonly span: Span;
}

export interface IncludeReference extends Span {
  readonly path: string;
}

export interface FileSymbols {
  readonly definitions: readonly SymbolDefinition[];
  readonly localLabels: readonly LocalLabel[];
  readonly includes: readonly IncludeReference[];
  /** Names that `.extern`, `.globl`, `.weak` or `.comm` mention. */
  readonly declared: ReadonlySet<string>;
  readonly globals: ReadonlySet<string>;
}

const constantDirectives = new Set(['.equ', '.set', '.equiv', '.eqv']);
const globalDirectives = new Set(['.globl', '.global', '.weak']);
const declaringDirectives = new Set([...globalDirectives, '.extern', '.comm', '.lcomm', '.type']);

/** The contents of a string token, without quotation marks; escapes stay as they are. */
export function stringContents(token: Token): string {
  return token.text.replace(/^"|"$/g, '');
}

class SymbolCollector {
  readonly definitions: SymbolDefinition[] = [];
  readonly localLabels: LocalLabel[] = [];
  readonly includes: IncludeReference[] = [];
  readonly declared = new Set<string>();
  readonly globals = new Set<string>();
  private readonly comments: CommentIndex;

  constructor(
    private readonly tree: SourceTree,
    text: string,
  ) {
    this.comments = new CommentIndex(tree.comments, text);
  }

  collect(): void {
    this.tree.statements.forEach((statement, index) => {
      this.collectLabels(statement, index);
      if (statement.kind === 'directive') this.collectDirective(statement);
      if (statement.kind === 'assignment' && statement.name !== undefined) {
        const value = statement.operands.flatMap(({ tokens }) => tokens);
        this.define('constant', statement.name, statement, value);
      }
    });
  }

  private collectLabels(statement: Statement, index: number): void {
    for (const label of statement.labels) {
      const span = { start: label.start, end: label.end };
      if (label.isLocal) {
        this.localLabels.push({ name: label.name, span });
        continue;
      }
      if (label.name.includes('\\')) continue;
      const named = this.tree.statements.slice(index, index + 4).find(({ name }) => name);
      this.definitions.push({
        kind: 'label',
        name: label.name,
        span,
        extent: span,
        value: [],
        parameters: [],
        documentation: this.comments.above(label.start) || this.comments.behind(label.end),
        isCode: named?.kind === 'instruction',
      });
    }
  }

  private collectDirective(statement: Statement): void {
    const directive = statement.name?.text.toLowerCase() ?? '';
    const first = statement.operands[0]?.tokens[0];
    if (first === undefined) return;
    if (constantDirectives.has(directive)) {
      const value = statement.operands.slice(1).flatMap(({ tokens }) => tokens);
      this.define('constant', first, statement, value);
    } else if (directive === '.macro') {
      this.define('macro', first, statement, [], macroParameters(statement));
    } else if (directive === '.include' && first.kind === 'string') {
      this.includes.push({ path: stringContents(first), start: first.start, end: first.end });
    } else if (declaringDirectives.has(directive)) {
      for (const { tokens } of statement.operands) {
        const name = tokens[0]?.text ?? '';
        this.declared.add(name);
        if (globalDirectives.has(directive)) this.globals.add(name);
      }
    }
  }

  private define(
    kind: SymbolKind,
    name: Token,
    statement: Statement,
    value: readonly Token[],
    parameters: readonly string[] = [],
  ): void {
    if (name.kind !== 'name' || name.text.includes('\\')) return;
    const block = this.tree.blocks.find(({ opener }) => opener === statement.name);
    this.definitions.push({
      kind,
      name: name.text,
      span: { start: name.start, end: name.end },
      extent: { start: statement.start, end: block?.end ?? statement.end },
      value,
      parameters,
      documentation: this.comments.behind(statement.end) || this.comments.above(statement.start),
      isCode: false,
    });
  }
}

/** `.macro name a, b=1` → `['a', 'b=1']`; parameters may be separated by blanks or commas. */
function macroParameters(statement: Statement): string[] {
  const parameters: string[] = [];
  let previousEnd = -1;
  for (const token of statement.operands.flatMap(({ tokens }) => tokens).slice(1)) {
    const last = parameters.length - 1;
    const joined = token.start === previousEnd || token.text === '=' || token.text === ':';
    if (last >= 0 && joined) parameters[last] = (parameters[last] ?? '') + token.text;
    else parameters.push(token.text);
    previousEnd = token.end;
  }
  return parameters;
}

/** Finds the comments around a definition. */
class CommentIndex {
  private readonly byStart: ReadonlyMap<number, Token>;

  constructor(
    comments: readonly Token[],
    private readonly text: string,
  ) {
    this.byStart = new Map(comments.map((comment) => [comment.start, comment]));
  }

  /** The comment on the same line behind `offset`. */
  behind(offset: number): string {
    const gap = /[ \t]*/y;
    gap.lastIndex = offset;
    gap.exec(this.text);
    return plainText(this.byStart.get(gap.lastIndex));
  }

  /** The comment lines directly above the line of `offset`. */
  above(offset: number): string {
    const lines: string[] = [];
    let lineStart = this.text.lastIndexOf('\n', offset - 1) + 1;
    while (lineStart > 0 && lines.length < 20) {
      const previousStart = this.text.lastIndexOf('\n', lineStart - 2) + 1;
      const indent = /^[ \t]*/.exec(this.text.slice(previousStart, lineStart))?.[0].length ?? 0;
      const comment = this.byStart.get(previousStart + indent);
      if (comment === undefined) break;
      lines.unshift(plainText(comment));
      lineStart = previousStart;
    }
    return lines.join('\n').trim();
  }
}

function plainText(comment: Token | undefined): string {
  if (comment === undefined) return '';
  return comment.text
    .replace(/^(?:#+|\/\/|\/\*)/, '')
    .replace(/\*\/$/, '')
    .replace(/^[ \t]*-{2,}|-{2,}[ \t]*$/gm, '')
    .trim();
}

/** Everything that a file defines or mentions by name. */
export function collectSymbols(tree: SourceTree, text: string): FileSymbols {
  const collector = new SymbolCollector(tree, text);
  collector.collect();
  return collector;
}
