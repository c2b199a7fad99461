/** Conditions of Jcc, SETcc and CMOVcc in terms of flags (SDM vol. 1, appendix B). */
import type { conditionCodes } from '../decode/opcode-map';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';

export type ConditionCode = (typeof conditionCodes)[number];

/** 1 where the condition holds, else 0; an i32. */
export function condition(b: Builder, code: ConditionCode): Expression {
  const less = (): Expression => b.xor(b.flag('SF'), b.flag('OF'));
  switch (code) {
    case 'O':
      return b.flag('OF');
    case 'NO':
      return b.isZero(b.flag('OF'));
    case 'B':
      return b.flag('CF');
    case 'AE':
      return b.isZero(b.flag('CF'));
    case 'E':
      return b.flag('ZF');
    case 'NE':
      return b.isZero(b.flag('ZF'));
    case 'BE':
      return b.or(b.flag('CF'), b.flag('ZF'));
    case 'A':
      return b.isZero(b.or(b.flag('CF'), b.flag('ZF')));
    case 'S':
      return b.flag('SF');
    case 'NS':
      return b.isZero(b.flag('SF'));
    case 'P':
      return b.flag('PF');
    case 'NP':
      return b.isZero(b.flag('PF'));
    case 'L':
      return less();
    case 'GE':
      return b.isZero(less());
    case 'LE':
      return b.or(b.flag('ZF'), less());
    case 'G':
      return b.isZero(b.or(b.flag('ZF'), less()));
  }
}
