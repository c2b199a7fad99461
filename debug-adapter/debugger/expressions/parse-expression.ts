/** Parses expressions of the debugger: C operators over registers, symbols, memory and decoded fields. */
import type {
  BinaryOperator,
  Expression,
  OperandSize,
  ParsedExpression,
  UnaryOperator,
} from './syntax-tree';
import { tokenize, type Token } from './tokens';

const binaryLevels: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const unaryOperators: readonly UnaryOperator[] = ['-', '+', '~', '!'];

/** Words that give a memory operand its size. */
export const sizeWords: ReadonlyMap<string, OperandSize> = new Map([
  ['byte', 1],
  ['word', 2],
  ['dword', 4],
  ['qword', 8],
]);

const maxDepth = 100;
const maxLength = 4096;

class SyntaxProblem {
  constructor(
    readonly message: string,
    readonly position: number,
  ) {}
}

type Parsed = Expression | SyntaxProblem;

class Parser {
  private readonly tokens: readonly Token[];
  private index = 0;
  private depth = 0;

  constructor(text: string) {
    this.tokens = tokenize(text);
  }

  parse(): Parsed {
    const expression = this.binary(0);
    if (expression instanceof SyntaxProblem) return expression;
    const rest = this.peek();
    return rest.kind === 'end' ? expression : this.unexpected(rest);
  }

  private peek(): Token {
    return this.tokens[this.index] ?? { kind: 'end', at: 0 };
  }

  private takeSymbol(texts: readonly string[]): string | undefined {
    const token = this.peek();
    if (token.kind !== 'symbol' || !texts.includes(token.text)) return undefined;
    this.index++;
    return token.text;
  }

  private unexpected(token: Token): SyntaxProblem {
    if (token.kind === 'end') return new SyntaxProblem('the expression ends too early', token.at);
    const text = token.kind === 'number' ? token.value.toString() : token.text;
    return new SyntaxProblem(`unexpected "${text}" at column ${token.at + 1}`, token.at);
  }

  private binary(level: number): Parsed {
    const operators = binaryLevels[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    while (!(left instanceof SyntaxProblem)) {
      const taken = this.takeSymbol(operators);
      const operator = operators.find((candidate) => candidate === taken);
      if (operator === undefined) return left;
      const right = this.binary(level + 1);
      if (right instanceof SyntaxProblem) return right;
      left = { kind: 'binary', operator, left, right };
    }
    return left;
  }

  private unary(): Parsed {
    if (++this.depth > maxDepth) {
      return new SyntaxProblem('the expression is nested too deeply', this.peek().at);
    }
    try {
      if (this.takeSymbol(['&']) !== undefined) return this.addressOf();
      const taken = this.takeSymbol(unaryOperators);
      const operator = unaryOperators.find((candidate) => candidate === taken);
      if (operator === undefined) return this.primary();
      const operand = this.unary();
      if (operand instanceof SyntaxProblem) return operand;
      return { kind: 'unary', operator, operand };
    } finally {
      this.depth--;
    }
  }

  private addressOf(): Parsed {
    const token = this.peek();
    if (token.kind !== 'name') return this.unexpected(token);
    this.index++;
    return { kind: 'address-of', name: token.text };
  }

  private primary(): Parsed {
    const token = this.peek();
    if (token.kind === 'number') {
      this.index++;
      return { kind: 'number', value: BigInt.asUintN(64, token.value) };
    }
    if (token.kind === 'text') {
      this.index++;
      return { kind: 'text', text: token.text };
    }
    if (token.kind === 'name') return this.named(token.text);
    if (this.takeSymbol(['[']) !== undefined) return this.memory(8);
    if (this.takeSymbol(['(']) === undefined) return this.unexpected(token);
    const inner = this.binary(0);
    if (inner instanceof SyntaxProblem) return inner;
    return this.takeSymbol([')']) === undefined ? this.unexpected(this.peek()) : inner;
  }

  private named(text: string): Parsed {
    this.index++;
    const size = sizeWords.get(text.toLowerCase());
    if (size !== undefined) {
      const next = this.peek();
      if (next.kind === 'name' && next.text.toLowerCase() === 'ptr') this.index++;
      if (this.takeSymbol(['[']) !== undefined) return this.memory(size);
      return new SyntaxProblem(`"${text}" needs an address in brackets: ${text} [rsp]`, next.at);
    }
    const registerOnly = text.startsWith('$');
    return { kind: 'name', name: registerOnly ? text.slice(1) : text, registerOnly };
  }

  private memory(size: OperandSize): Parsed {
    const address = this.binary(0);
    if (address instanceof SyntaxProblem) return address;
    if (this.takeSymbol([']']) === undefined) return this.unexpected(this.peek());
    return { kind: 'memory', size, address };
  }
}

/** Parses `text`; never throws. */
export function parseExpression(text: string): ParsedExpression {
  if (text.length > maxLength) {
    return {
      kind: 'error',
      message: `the expression is longer than ${maxLength} characters`,
      position: 0,
    };
  }
  const result = new Parser(text).parse();
  if (result instanceof SyntaxProblem) {
    return { kind: 'error', message: result.message, position: result.position };
  }
  return { kind: 'expression', expression: result };
}
