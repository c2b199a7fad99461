/** Alignment checking of user code (SDM vol. 3, 6.15, "Interrupt 17"). */
import { Cr0, Rflags } from '../../spec/x86/control-registers';
import { stateOffsets } from '../../machine/processor-state';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { everyElement, type BlockShape } from './block-shape';

/** At privilege level 3, with CR0.AM and RFLAGS.AC. */
export function isAlignmentChecked({ cpl, state }: ProcessorContext): boolean {
  return (
    cpl === 3 &&
    (state.readU32(stateOffsets.flagsSystem) & Rflags.AC) !== 0 &&
    (state.readU32(vmcsOffsets.cr0) & Cr0.AM) !== 0
  );
}

/**
 * Whether an access lies where its width wants it, 16 bytes of MOVUPS included (SDM vol. 3, table 6-7; there it is left
 * to the processor).
 * @param low lower half of its address
 */
export function isAligned(low: number, bytes: number): boolean {
  return (bytes & (bytes - 1)) !== 0 || (low & (bytes - 1)) === 0;
}

/** The same of each element of a block. */
export function isBlockAligned(low: number, length: number, shape: BlockShape): boolean {
  return everyElement(shape, length, (from, bytes, index) =>
    isAligned(low + from, shape.alignments?.[index] ?? bytes),
  );
}
