/** Canonical form of linear addresses in definitions (SDM vol. 1, 3.3.7.1). */
import { linearAddressBits, type LinearAddressBits } from '../../spec/x86/address-widths';
import { Cr4 } from '../../spec/x86/control-registers';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { vmcsOffsets } from '../vmcs-offsets';

const generalProtection = 13;

/** 1 where `address` is the sign extension of all but its `unused` upper bits, else 0. */
function isExtended(b: Builder, address: Expression, unused: Expression): Expression {
  const extended = b.binary('shr_s', b.binary('shl', address, unused), unused);
  return b.compare('eq', extended, address);
}

function isCanonical(b: Builder, address: Expression, bits: LinearAddressBits): Expression {
  return isExtended(b, address, b.i64(64 - bits));
}

/** #GP(0) where an instruction pointer is not canonical in the present paging mode; 4-level paging is the quick case. */
export function requireCanonicalTarget(b: Builder, target: Expression): void {
  b.if(b.isZero(isCanonical(b, target, linearAddressBits.fourLevels)), () => {
    const hasFiveLevels = b.compare(
      'ne',
      b.and(b.state(vmcsOffsets.cr4, 4), b.i32(Cr4.LA57)),
      b.i32(0),
    );
    const isWide = isCanonical(b, target, linearAddressBits.fiveLevels);
    b.if(b.isZero(b.and(hasFiveLevels, isWide)), () => b.raise(generalProtection, 0));
  });
}

/** #GP(0) where a base is not canonical by what the processor supports, whatever its paging mode (SDM vol. 3, 4.5.2). */
export function requireCanonicalBase(b: Builder, base: Expression): void {
  const unused = b.state(runOffsets.unsupportedAddressBits, 8);
  b.if(b.isZero(isExtended(b, base, unused)), () => b.raise(generalProtection, 0));
}
