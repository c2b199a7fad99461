/** Instructions about selectors exist in protected mode only (SDM vol. 2, for example LAR, real-address mode exceptions). */
import { stateOffsets } from '../../machine/processor-state';
import type { Builder } from '../ir/builder';
import { vmcsOffsets } from '../vmcs-offsets';

const invalidOpcode = 6;
const protection = 1;
const virtual8086 = 0x20000;

/** #UD in real and virtual-8086 mode; code of these modes is never flat. */
export function requireProtectedMode(b: Builder): void {
  if (!b.isChecked) return;
  const cr0 = b.state(vmcsOffsets.cr0, 4);
  const flags = b.state(stateOffsets.flagsSystem, 4);
  const isReal = b.isZero(b.and(cr0, b.i32(protection)));
  const isVirtual = b.compare('ne', b.and(flags, b.i32(virtual8086)), b.i32(0));
  b.if(b.or(isReal, isVirtual), () => b.raise(invalidOpcode));
}
