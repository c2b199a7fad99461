/** Debug traps that wait for an instruction boundary: GUEST_PENDING_DBG_EXCEPTIONS (SDM vol. 3, table 25-4). */
import type { ProcessorState } from '../machine/processor-state';
import { blockingByMovSs } from './interruptibility';
import { vmcsOffsets } from './vmcs-offsets';

/** RFLAGS.TF. */
export const flagTrap = 0x100;
/** BS, of DR6 and of the pending debug exceptions. */
export const singleStep = 0x4000n;
/** Tells that a breakpoint of B0 to B3 is enabled. */
export const enabledBreakpoint = 0x1000n;
/** BS and B0 to B3. */
export const trapBits = 0x400f;
const traps = BigInt(trapBits);

export function addPendingTrap(state: ProcessorState, bits: bigint): void {
  const pending = state.readU64(vmcsOffsets.pendingDebugExceptions);
  state.writeU64(vmcsOffsets.pendingDebugExceptions, pending | bits);
}

/** A load of SS also holds back the trap of a data breakpoint. */
export function hasPendingTrap(state: ProcessorState): boolean {
  if ((state.readU32(vmcsOffsets.pendingDebugExceptions) & trapBits) === 0) return false;
  return (state.readU32(vmcsOffsets.interruptibility) & blockingByMovSs) === 0;
}

/** What DR6 gets of them; they are pending no longer. */
export function takePendingTraps(state: ProcessorState): bigint {
  const pending = state.readU64(vmcsOffsets.pendingDebugExceptions);
  state.writeU64(vmcsOffsets.pendingDebugExceptions, pending & ~(traps | enabledBreakpoint));
  return pending & traps;
}
