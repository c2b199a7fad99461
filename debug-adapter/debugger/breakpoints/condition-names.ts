/** Checks the names in a condition when it is written, so that a slip of the pen is told then and not at the first hit. */
import type { TraceEvent } from '../../machine/trace';
import { nearestName } from '../../support/nearest-name';
import { valueNamed, valueNamesOf } from '../event-fields';
import type { Expression } from '../expressions/syntax-tree';
import { isRegisterName } from '../processor-evaluation';

/** What the names in the conditions of one event breakpoint can mean. */
export interface ConditionScope {
  readonly on: TraceEvent['kind'];
  readonly fieldNames: readonly string[];
  readonly isSymbol: (name: string) => boolean;
}

function isKnown(name: string, scope: ConditionScope): boolean {
  return scope.fieldNames.includes(name) || isRegisterName(name) || scope.isSymbol(name);
}

function refusal(name: string, scope: ConditionScope): string {
  const near = nearestName(name, scope.fieldNames);
  const hint =
    near === undefined ? `Fields: ${scope.fieldNames.join(', ')}.` : `Did you mean "${near}"?`;
  return `"${name}" is no field of this event, register or symbol. ${hint}`;
}

/** What is wrong with `field == word`, where `word` can only be the name of a value. */
function checkWord(field: Expression, word: string, scope: ConditionScope): string | undefined {
  if (field.kind !== 'name' || !scope.fieldNames.includes(field.name)) return undefined;
  const names = valueNamesOf(scope.on, field.name);
  // A field without named values may hold a text.
  if (names.length === 0 || valueNamed(scope.on, field.name, word) !== undefined) return undefined;
  const near = nearestName(word, names);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  return `No value of "${field.name}" is called "${word}".${hint}`;
}

function isFieldOf(expression: Expression, scope: ConditionScope): boolean {
  return expression.kind === 'name' && scope.fieldNames.includes(expression.name);
}

/** One side of a comparison with the other beside it. */
function checkSide(side: Expression, other: Expression, scope: ConditionScope): string | undefined {
  const isWord = side.kind === 'text' || (side.kind === 'name' && !isKnown(side.name, scope));
  if (!isWord || !isFieldOf(other, scope)) return findWrongName(side, scope);
  return checkWord(other, side.kind === 'text' ? side.text : side.name, scope);
}

/** What is wrong with the names of an expression; undefined where nothing is. */
export function findWrongName(expression: Expression, scope: ConditionScope): string | undefined {
  switch (expression.kind) {
    case 'number':
    case 'text':
      return undefined;
    case 'name': {
      const { name, registerOnly } = expression;
      const known = registerOnly ? isRegisterName(name) : isKnown(name, scope);
      return known ? undefined : refusal(name, scope);
    }
    case 'address-of':
      return scope.isSymbol(expression.name) ? undefined : refusal(expression.name, scope);
    case 'memory':
      return findWrongName(expression.address, scope);
    case 'unary':
      return findWrongName(expression.operand, scope);
    case 'binary': {
      const { operator, left, right } = expression;
      if (operator === '==' || operator === '!=') {
        return checkSide(left, right, scope) ?? checkSide(right, left, scope);
      }
      return findWrongName(left, scope) ?? findWrongName(right, scope);
    }
  }
}
