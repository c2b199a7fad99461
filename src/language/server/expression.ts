/** Values of constant expressions, as GNU as computes them: 64 bits, its own operator precedence. */
import type { Token } from './token';

/** Value of a name; undefined where it is not a constant. */
export type NameValue = (name: string) => bigint | undefined;

/** GNU as manual, 6.2.4: a higher number binds tighter. */
const precedence: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '+': 3,
  '-': 3,
  '==': 3,
  '!=': 3,
  '<': 3,
  '>': 3,
  '<=': 3,
  '>=': 3,
  '|': 4,
  '&': 4,
  '^': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '<<': 5,
  '>>': 5,
};

const maximumDepth = 64;

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
};

function truth(condition: boolean): bigint {
  return condition ? -1n : 0n;
}

function combine(operator: string, left: bigint, right: bigint): bigint | undefined {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return right === 0n ? undefined : left / right;
    case '%':
      return right === 0n ? undefined : left % right;
    case '<<':
      return right < 0n || right > 63n ? undefined : left << right;
    case '>>':
      return right < 0n || right > 63n ? undefined : BigInt.asUintN(64, left) >> right;
    case '|':
      return left | right;
    case '&':
      return left & right;
    case '^':
      return left ^ right;
    case '==':
      return truth(left === right);
    case '!=':
      return truth(left !== right);
    case '<':
      return truth(left < right);
    case '>':
      return truth(left > right);
    case '<=':
      return truth(left <= right);
    case '>=':
      return truth(left >= right);
    case '&&':
      return truth(left !== 0n && right !== 0n);
    default:
      return truth(left !== 0n || right !== 0n);
  }
}

/** Value of a number token; undefined for a local label reference or what is no number. */
export function numberValue(text: string): bigint | undefined {
  const lower = text.toLowerCase();
  if (/^0x[0-9a-f]{1,16}$/.test(lower) || /^0b[01]{1,64}$/.test(lower)) return BigInt(lower);
  if (/^0[0-7]{0,22}$/.test(lower)) return BigInt(`0o${lower}`);
  return /^[1-9]\d{0,19}$/.test(lower) ? BigInt(lower) : undefined;
}

/** Value of a character token: `'A'`, `'A`, `'\n'`. */
export function characterValue(text: string): bigint | undefined {
  const body = text.slice(1).replace(/(?<=.)'$/, '');
  const character = body.startsWith('\\') ? (escapes[body.charAt(1)] ?? body.charAt(1)) : body;
  const code = character.codePointAt(0);
  return code === undefined ? undefined : BigInt(code);
}

class ExpressionReader {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly valueOf: NameValue,
  ) {}

  readAll(): bigint | undefined {
    const value = this.readBinary(1);
    return this.at === this.tokens.length ? value : undefined;
  }

  private readBinary(minimum: number): bigint | undefined {
    if (++this.depth > maximumDepth) return undefined;
    let left = this.readUnary();
    for (;;) {
      const operator = this.tokens[this.at]?.text ?? '';
      const strength = Object.hasOwn(precedence, operator) ? (precedence[operator] ?? 0) : 0;
      if (strength < minimum || left === undefined) break;
      this.at++;
      const right = this.readBinary(strength + 1);
      left = right === undefined ? undefined : combine(operator, left, right);
    }
    this.depth--;
    return left === undefined ? undefined : BigInt.asIntN(64, left);
  }

  private readUnary(): bigint | undefined {
    const token = this.tokens[this.at++];
    if (token === undefined || ++this.depth > maximumDepth) return undefined;
    const value = this.readPrimary(token);
    this.depth--;
    return value;
  }

  private readPrimary(token: Token): bigint | undefined {
    switch (token.kind) {
      case 'number':
        return numberValue(token.text);
      case 'character':
        return characterValue(token.text);
      case 'name':
        return this.valueOf(token.text);
      default:
        break;
    }
    if (token.text === '(') {
      const value = this.readBinary(1);
      return this.tokens[this.at++]?.text === ')' ? value : undefined;
    }
    const operand = '-~!+$'.includes(token.text) ? this.readUnary() : undefined;
    if (operand === undefined) return undefined;
    if (token.text === '-') return -operand;
    if (token.text === '~') return ~operand;
    return token.text === '!' ? truth(operand === 0n) : operand;
  }
}

/**
 * Value of a whole expression as a signed 64-bit number; AT&T's `$` in front is allowed.
 * @returns undefined where a part is no constant, or the text is no expression
 */
export function evaluate(tokens: readonly Token[], valueOf: NameValue): bigint | undefined {
  return tokens.length === 0 ? undefined : new ExpressionReader(tokens, valueOf).readAll();
}
