/** Values of expressions that are known at translation: immediates, and what follows from them. */
import type { DecodedField, Expression } from '../ir/ir';

export interface ConstantContext {
  /** Value of a decoded field, undefined where it is not known. */
  decoded(field: DecodedField): bigint | undefined;
  /** Known values of locals, by id. */
  readonly locals: ReadonlyMap<number, bigint>;
}

const mask = { i32: 0xffffffffn, i64: 0xffffffffffffffffn } as const;

/** The value of an expression, zero-extended to its type, or undefined where it depends on the guest's state. */
export function constantValue(
  expression: Expression,
  context: ConstantContext,
): bigint | undefined {
  switch (expression.kind) {
    case 'const':
      return expression.value & mask[expression.type];
    case 'local':
      return context.locals.get(expression.local.id);
    case 'decoded':
      return context.decoded(expression.field);
    case 'isZero': {
      const value = constantValue(expression.a, context);
      return value === undefined ? undefined : BigInt(value === 0n);
    }
    case 'wrap': {
      const value = constantValue(expression.a, context);
      return value === undefined ? undefined : value & mask.i32;
    }
    case 'compare':
    case 'binary': {
      const a = constantValue(expression.a, context);
      const b = constantValue(expression.b, context);
      return a === undefined || b === undefined ? undefined : combine(expression, a, b);
    }
    default:
      return undefined;
  }
}

/** The operators that definitions apply to counts and levels; others are left to the engine. */
function combine(
  expression: Extract<Expression, { kind: 'compare' | 'binary' }>,
  a: bigint,
  b: bigint,
): bigint | undefined {
  switch (expression.operator) {
    case 'and':
      return a & b;
    case 'sub':
      return (a - b) & mask[expression.type];
    case 'shr_u':
      return a >> b;
    case 'eq':
      return BigInt(a === b);
    case 'ne':
      return BigInt(a !== b);
    default:
      return undefined;
  }
}
