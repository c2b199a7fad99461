/** Canonical form of linear addresses in definitions (SDM vol. 1, 3.3.7.1). */
import { linearAddressBits } from '../../spec/x86/address-widths';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';

/** 1 where the bits above the linear address width equal its highest one, else 0. */
export function isCanonical(b: Builder, address: Expression): Expression {
  const unused = b.i64(64 - linearAddressBits);
  const extended = b.binary('shr_s', b.binary('shl', address, unused), unused);
  return b.compare('eq', extended, address);
}
