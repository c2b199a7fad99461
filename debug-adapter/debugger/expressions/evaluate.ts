/** Evaluates expressions in unsigned 64-bit arithmetic; the result is a value or an error text, never an exception. */
import type { BinaryOperator, Expression } from './syntax-tree';

/** A decoded field of an event. */
export type FieldValue = bigint | string;

/** Where names and memory get their values. */
export interface EvaluationContext {
  /** Value and width of a register or flag, by lower-case name. */
  register(name: string): { readonly value: bigint; readonly bits: number } | undefined;
  /** A decoded field of the event under inspection, such as `port` of an I/O exit. */
  field(name: string): FieldValue | undefined;
  /** The value of a field that its specification calls `name`: 0x5c for `code` and `HvCallPostMessage`. */
  valueNamed(field: string, name: string): bigint | undefined;
  symbolAddress(name: string): bigint | undefined;
  /** Bytes at a linear address without side effects; undefined where they cannot be read. */
  readMemory(address: bigint, length: number): Uint8Array | undefined;
}

/** Value with the width it is shown in, and where it lives if it lives in memory. */
export type Evaluation =
  | {
      readonly kind: 'value';
      readonly value: bigint;
      readonly bits: number;
      readonly address?: bigint;
    }
  | { readonly kind: 'error'; readonly message: string };

function failure(message: string): Evaluation {
  return { kind: 'error', message };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

function truth(condition: boolean): Evaluation {
  return { kind: 'value', value: condition ? 1n : 0n, bits: 64 };
}

function evaluateName(name: string, registerOnly: boolean, context: EvaluationContext): Evaluation {
  if (!registerOnly) {
    const field = context.field(name);
    if (typeof field === 'string') return truth(field !== '');
    if (field !== undefined) return { kind: 'value', value: BigInt.asUintN(64, field), bits: 64 };
  }
  const register = context.register(name.toLowerCase());
  if (register !== undefined) return { kind: 'value', value: register.value, bits: register.bits };
  if (registerOnly) return failure(`there is no register "$${name}"`);
  const address = context.symbolAddress(name);
  if (address !== undefined) return { kind: 'value', value: address, bits: 64 };
  return failure(`"${name}" is no register, symbol or field`);
}

/** What stands beside a field in a comparison, where it can be a word. */
function wordOf(expression: Expression, context: EvaluationContext): string | undefined {
  if (expression.kind === 'text') return expression.text;
  if (expression.kind !== 'name' || expression.registerOnly) return undefined;
  return context.field(expression.name) === undefined ? expression.name : undefined;
}

/** `field == word` and `field != word`; undefined where it is no such comparison. */
function compareWithWord(
  field: Expression,
  other: Expression,
  context: EvaluationContext,
): boolean | string | undefined {
  if (field.kind !== 'name' || field.registerOnly) return undefined;
  const value = context.field(field.name);
  const word = value === undefined ? undefined : wordOf(other, context);
  if (typeof value === 'string') {
    if (word !== undefined) return value.toLowerCase() === word.toLowerCase();
    return `"${field.name}" is a text; compare it with one: ${field.name} == "…"`;
  }
  if (word === undefined) return undefined;
  const named = context.valueNamed(field.name, word);
  if (named !== undefined) return value === named;
  return other.kind === 'text' ? `no value of "${field.name}" is called "${word}"` : undefined;
}

function compareFields(
  { operator, left, right }: Extract<Expression, { kind: 'binary' }>,
  context: EvaluationContext,
): Evaluation | undefined {
  if (operator !== '==' && operator !== '!=') return undefined;
  const isEqual = compareWithWord(left, right, context) ?? compareWithWord(right, left, context);
  if (isEqual === undefined) return undefined;
  return typeof isEqual === 'string' ? failure(isEqual) : truth(isEqual === (operator === '=='));
}

function shift(operator: '<<' | '>>', left: bigint, right: bigint): bigint {
  if (right >= 64n) return 0n;
  return operator === '<<' ? left << right : left >> right;
}

function compute(operator: BinaryOperator, left: bigint, right: bigint): Evaluation {
  const value = (result: bigint): Evaluation => ({
    kind: 'value',
    value: BigInt.asUintN(64, result),
    bits: 64,
  });
  switch (operator) {
    case '*':
      return value(left * right);
    case '/':
      return right === 0n ? failure('division by zero') : value(left / right);
    case '%':
      return right === 0n ? failure('division by zero') : value(left % right);
    case '+':
      return value(left + right);
    case '-':
      return value(left - right);
    case '<<':
    case '>>':
      return value(shift(operator, left, right));
    case '&':
      return value(left & right);
    case '^':
      return value(left ^ right);
    case '|':
      return value(left | right);
    case '<':
      return truth(left < right);
    case '<=':
      return truth(left <= right);
    case '>':
      return truth(left > right);
    case '>=':
      return truth(left >= right);
    case '==':
      return truth(left === right);
    case '!=':
      return truth(left !== right);
    case '&&':
      return truth(left !== 0n && right !== 0n);
    case '||':
      return truth(left !== 0n || right !== 0n);
  }
}

function evaluateMemory(size: number, address: bigint, context: EvaluationContext): Evaluation {
  const bytes = context.readMemory(address, size);
  if (bytes === undefined)
    return failure(`cannot read ${size} bytes at ${hex(address)}: not mapped`);
  let value = 0n;
  for (let index = size - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index] ?? 0);
  return { kind: 'value', value, bits: size * 8, address };
}

/** Evaluates `expression`; never throws. */
export function evaluate(expression: Expression, context: EvaluationContext): Evaluation {
  switch (expression.kind) {
    case 'number':
      return { kind: 'value', value: expression.value, bits: 64 };
    case 'name':
      return evaluateName(expression.name, expression.registerOnly, context);
    case 'address-of': {
      const address = context.symbolAddress(expression.name);
      if (address === undefined) return failure(`there is no symbol "${expression.name}"`);
      return { kind: 'value', value: address, bits: 64 };
    }
    case 'memory': {
      const address = evaluate(expression.address, context);
      return address.kind === 'error'
        ? address
        : evaluateMemory(expression.size, address.value, context);
    }
    case 'unary': {
      const operand = evaluate(expression.operand, context);
      if (operand.kind === 'error') return operand;
      if (expression.operator === '!') return truth(operand.value === 0n);
      if (expression.operator === '+') return operand;
      const value = expression.operator === '-' ? -operand.value : ~operand.value;
      return { kind: 'value', value: BigInt.asUintN(64, value), bits: 64 };
    }
    case 'text':
      return failure(`"${expression.text}" is a text; a field can be compared with it`);
    case 'binary': {
      const compared = compareFields(expression, context);
      if (compared !== undefined) return compared;
      const left = evaluate(expression.left, context);
      if (left.kind === 'error') return left;
      const decided =
        (expression.operator === '&&' && left.value === 0n) ||
        (expression.operator === '||' && left.value !== 0n);
      if (decided) return truth(left.value !== 0n);
      const right = evaluate(expression.right, context);
      if (right.kind === 'error') return right;
      return compute(expression.operator, left.value, right.value);
    }
  }
}
