/** Conditions of Jcc, SETcc and CMOVcc in terms of flags (SDM vol. 1, appendix B). */
import type { ConditionCode } from './condition-codes';
import type { ArithmeticFlag, Expression } from './ir';

function flag(name: ArithmeticFlag): Expression {
  return { kind: 'flag', type: 'i32', flag: name };
}

function combine(operator: 'or' | 'xor', a: Expression, b: Expression): Expression {
  return { kind: 'binary', type: 'i32', operator, a, b };
}

function not(a: Expression): Expression {
  return { kind: 'isZero', type: 'i32', a };
}

const less = combine('xor', flag('SF'), flag('OF'));
const below = combine('or', flag('CF'), flag('ZF'));
const lessOrEqual = combine('or', flag('ZF'), less);

const expressions: Readonly<Record<ConditionCode, Expression>> = {
  O: flag('OF'),
  NO: not(flag('OF')),
  B: flag('CF'),
  AE: not(flag('CF')),
  E: flag('ZF'),
  NE: not(flag('ZF')),
  BE: below,
  A: not(below),
  S: flag('SF'),
  NS: not(flag('SF')),
  P: flag('PF'),
  NP: not(flag('PF')),
  L: less,
  GE: not(less),
  LE: lessOrEqual,
  G: not(lessOrEqual),
};

/** 1 where the condition holds, else 0; an i32. */
export function conditionFlags(code: ConditionCode): Expression {
  return expressions[code];
}
