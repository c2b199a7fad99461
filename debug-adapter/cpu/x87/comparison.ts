/** Comparison and classification (SDM vol. 2, FCOM, FUCOM, FXAM). */
import { classOf, exponentBias, isSignaling, scaleOf, type Float80 } from './float80';
import { denormalFlag } from './arithmetic';
import { statusBits } from './rounding';

export type Relation = 'greater' | 'less' | 'equal' | 'unordered';

export interface Comparison {
  readonly relation: Relation;
  readonly flags: number;
}

/** Compares a with b; a quiet NaN is invalid unless the comparison is the unordered kind. */
export function compare(a: Float80, b: Float80, isUnorderedKind: boolean): Comparison {
  const classes = [classOf(a), classOf(b)];
  if (classes.includes('unsupported')) return { relation: 'unordered', flags: statusBits.IE };
  if (classes.includes('nan')) {
    const signals = [a, b].some((value) => classOf(value) === 'nan' && isSignaling(value));
    return {
      relation: 'unordered',
      flags: signals || !isUnorderedKind ? statusBits.IE : 0,
    };
  }
  const flags = denormalFlag(a, b);
  const difference = order(a) - order(b);
  const relation = difference === 0n ? 'equal' : difference > 0n ? 'greater' : 'less';
  return { relation, flags };
}

/** A number that grows with the value; infinities included. */
function order(value: Float80): bigint {
  const position = (BigInt(scaleOf(value) + exponentBias + 63) << 64n) | value.significand;
  const magnitude = value.significand === 0n ? 0n : position;
  return value.sign === 1 ? -magnitude : magnitude;
}

/** C3, C2 and C0 of a relation (SDM vol. 2, FCOM). */
export function conditionOf(relation: Relation): number {
  switch (relation) {
    case 'greater':
      return 0;
    case 'less':
      return statusBits.C0;
    case 'equal':
      return statusBits.C3;
    case 'unordered':
      return statusBits.C3 | statusBits.C2 | statusBits.C0;
  }
}

/** C3, C2 and C0 of a class (SDM vol. 2, FXAM); an empty register is the caller's matter. */
export function examine(value: Float80): number {
  switch (classOf(value)) {
    case 'unsupported':
      return 0;
    case 'nan':
      return statusBits.C0;
    case 'normal':
      return statusBits.C2;
    case 'infinity':
      return statusBits.C2 | statusBits.C0;
    case 'zero':
      return statusBits.C3;
    case 'denormal':
      return statusBits.C3 | statusBits.C2;
  }
}
