/** Blocking of interrupts for one instruction: bits of GUEST_INTERRUPTIBILITY_INFO (SDM vol. 3, table 25-3). */
import type { ProcessorState } from '../machine/processor-state';
import { vmcsOffsets } from './vmcs-offsets';

export const blockingBySti = 1;
export const blockingByMovSs = 2;

/** The instruction behind an STI that set IF has not been done yet. */
export function blockBySti(state: ProcessorState): void {
  const blocking = state.readU32(vmcsOffsets.interruptibility);
  state.writeZeroExtended(vmcsOffsets.interruptibility, blocking | blockingBySti);
}

/** An instruction or a delivery ends what blocked interrupts before it. */
export function endBlocking(state: ProcessorState): void {
  const blocking = state.readU32(vmcsOffsets.interruptibility);
  const kept = blocking & ~(blockingBySti | blockingByMovSs);
  if (kept !== blocking) state.writeU32(vmcsOffsets.interruptibility, kept);
}
