/** Parses GNU assembly of either operand order. Never fails: the result is a tree and a list of errors. */
import { lex } from './lexer';
import type {
  Block,
  LabelDefinition,
  Operand,
  SourceTree,
  Statement,
  StatementKind,
} from './syntax-tree';
import type { SyntaxError, Token } from './token';

const prefixNames = new Set(['rep', 'repe', 'repz', 'repne', 'repnz', 'lock']);

/** Directives that open a block, with the ones that close it. */
function closerOf(opener: string): readonly string[] | undefined {
  if (opener === '.macro') return ['.endm', '.endmacro'];
  if (opener === '.rept' || opener === '.irp' || opener === '.irpc') return ['.endr'];
  return opener.startsWith('.if') ? ['.endif'] : undefined;
}

const closers = new Set(['.endm', '.endmacro', '.endr', '.endif']);

class TreeBuilder {
  readonly statements: Statement[] = [];
  readonly blocks: Block[] = [];
  readonly errors: SyntaxError[];
  private readonly open: { readonly token: Token; readonly name: string }[] = [];
  private isIntel = false;

  constructor(errors: readonly SyntaxError[]) {
    this.errors = [...errors];
  }

  /** Adds the statement that `tokens`, which hold no comment and no statement end, make up. */
  addStatement(tokens: readonly Token[]): void {
    const first = tokens[0];
    const last = tokens.at(-1);
    if (first === undefined || last === undefined) return;
    const { labels, rest } = takeLabels(tokens);
    const { prefixes, name, after, kind } = takeName(rest);
    this.checkBrackets(after);
    const insideMacro = this.open.filter(({ token }) => token.text === '.macro').at(-1)?.name;
    const statement: Statement = {
      start: first.start,
      end: last.end,
      kind,
      labels,
      prefixes,
      operands: splitOperands(after),
      isIntel: this.isIntel,
      ...(name === undefined ? {} : { name }),
      ...(insideMacro === undefined ? {} : { insideMacro }),
    };
    this.statements.push(statement);
    if (name !== undefined && kind === 'directive') this.followDirective(name, after);
  }

  /** Reports blocks that the end of the file leaves open. */
  finish(): void {
    for (const { token } of this.open) {
      const closer = closerOf(token.text.toLowerCase())?.[0] ?? '';
      this.errors.push({
        start: token.start,
        end: token.end,
        message: `${token.text} is never closed: ${closer} is missing.`,
      });
    }
  }

  private followDirective(name: Token, after: readonly Token[]): void {
    const directive = name.text.toLowerCase();
    if (directive === '.intel_syntax') this.isIntel = true;
    if (directive === '.att_syntax') this.isIntel = false;
    if (closerOf(directive) !== undefined) {
      this.open.push({ token: name, name: after[0]?.text ?? '' });
    } else if (closers.has(directive)) {
      this.closeBlock(name, directive);
    }
  }

  private closeBlock(name: Token, directive: string): void {
    const top = this.open.at(-1);
    if (top !== undefined && closerOf(top.token.text.toLowerCase())?.includes(directive) === true) {
      this.open.pop();
      this.blocks.push({ start: top.token.start, end: name.end, opener: top.token });
      return;
    }
    this.errors.push({
      start: name.start,
      end: name.end,
      message: `${name.text} closes nothing that is open here.`,
    });
  }

  private checkBrackets(tokens: readonly Token[]): void {
    const open: Token[] = [];
    for (const token of tokens) {
      if (token.kind !== 'punctuation') continue;
      if (token.text === '[' || token.text === '(') open.push(token);
      if (token.text !== ']' && token.text !== ')') continue;
      const expected = token.text === ']' ? '[' : '(';
      if (open.at(-1)?.text === expected) open.pop();
      else this.addError(token, `There is no ${expected} for this ${token.text}.`);
    }
    for (const token of open) this.addError(token, `This ${token.text} is not closed.`);
  }

  private addError(token: Token, message: string): void {
    this.errors.push({ start: token.start, end: token.end, message });
  }
}

function takeLabels(tokens: readonly Token[]): {
  labels: LabelDefinition[];
  rest: readonly Token[];
} {
  const labels: LabelDefinition[] = [];
  let at = 0;
  for (;;) {
    const name = tokens[at];
    if (name === undefined || tokens[at + 1]?.text !== ':') break;
    const isLocal = name.kind === 'number' && /^\d+$/.test(name.text);
    if (!isLocal && name.kind !== 'name') break;
    labels.push({ name: name.text, isLocal, start: name.start, end: name.end });
    at += 2;
  }
  return { labels, rest: tokens.slice(at) };
}

function takeName(tokens: readonly Token[]): {
  prefixes: readonly Token[];
  name?: Token;
  after: readonly Token[];
  kind: StatementKind;
} {
  let at = 0;
  while (prefixNames.has(tokens[at]?.text.toLowerCase() ?? '') && tokens[at + 1]?.kind === 'name') {
    at++;
  }
  const prefixes = tokens.slice(0, at);
  const name = tokens[at];
  if (name === undefined) return { prefixes, after: [], kind: 'empty' };
  if (name.kind !== 'name') return { prefixes, after: tokens.slice(at), kind: 'empty' };
  if (tokens[at + 1]?.text === '=') {
    return { prefixes, name, after: tokens.slice(at + 2), kind: 'assignment' };
  }
  const kind = name.text.startsWith('.') ? 'directive' : 'instruction';
  return { prefixes, name, after: tokens.slice(at + 1), kind };
}

function splitOperands(tokens: readonly Token[]): Operand[] {
  const operands: Operand[] = [];
  let current: Token[] = [];
  let depth = 0;
  const finish = (): void => {
    const first = current[0];
    const last = current.at(-1);
    if (first === undefined || last === undefined) return;
    operands.push({ tokens: current, start: first.start, end: last.end });
    current = [];
  };
  for (const token of tokens) {
    if (token.kind === 'punctuation' && depth === 0 && token.text === ',') {
      finish();
      continue;
    }
    if (token.text === '(' || token.text === '[') depth++;
    if (token.text === ')' || token.text === ']') depth = Math.max(0, depth - 1);
    current.push(token);
  }
  finish();
  return operands;
}

/** The tree of any text. */
export function parse(text: string): SourceTree {
  const { tokens, errors } = lex(text);
  const builder = new TreeBuilder(errors);
  const comments = tokens.filter(({ kind }) => kind === 'comment');
  let statement: Token[] = [];
  for (const token of tokens) {
    if (token.kind === 'comment') continue;
    if (token.kind !== 'end') {
      statement.push(token);
      continue;
    }
    builder.addStatement(statement);
    statement = [];
  }
  builder.addStatement(statement);
  builder.finish();
  return {
    statements: builder.statements,
    tokens: tokens.filter(({ kind }) => kind !== 'comment' && kind !== 'end'),
    comments,
    blocks: builder.blocks,
    errors: builder.errors,
  };
}
