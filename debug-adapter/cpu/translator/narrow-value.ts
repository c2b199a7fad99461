/** Values whose upper half is 0, which 32-bit code need not cut. */
import type { Expression } from '../ir/ir';

export interface NarrowContext {
  /** Locals that have narrow values: bits by id. */
  readonly locals: number;
  readonly registersAreNarrow: boolean;
  readonly addressesAreNarrow: boolean;
}

/** Whether the upper half of an i64 is 0 for certain, so that it need not be cut off. */
export function isNarrowValue(value: Expression, context: NarrowContext): boolean {
  if (value.type !== 'i64') return false;
  switch (value.kind) {
    case 'const':
      return value.value >= 0n && value.value <= 0xffffffffn;
    case 'local':
      return (context.locals & bitOfLocal(value.local.id)) !== 0;
    case 'operandRegister':
    case 'fixedRegister':
      return value.width <= 32 || context.registersAreNarrow;
    case 'load':
      return value.width <= 32;
    case 'effectiveAddress':
      return context.addressesAreNarrow;
    case 'widen':
      return !value.signed;
    case 'select':
      return isNarrowValue(value.a, context) && isNarrowValue(value.b, context);
    case 'binary': {
      const { operator, a, b } = value;
      if (operator === 'and') return isNarrowValue(a, context) || isNarrowValue(b, context);
      if (operator === 'or' || operator === 'xor')
        return isNarrowValue(a, context) && isNarrowValue(b, context);
      return operator === 'shr_u' && isNarrowValue(a, context);
    }
    default:
      return false;
  }
}

/** The bit that says whether a local is narrow; of those with higher ids it is not known. */
export function bitOfLocal(id: number): number {
  return id < 32 ? 1 << id : 0;
}
