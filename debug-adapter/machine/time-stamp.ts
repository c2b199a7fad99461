/** The time-stamp counter as a guest sees it: offset and multiplier of the VMCS (SDM vol. 3, 26.3 and 25.6.5). */
import { primaryControls, secondaryControls } from '../spec/x86/vmx-controls';
import { maskOf } from '../support/bit-field';
import { stateOffsets, vmcsEncoding, vmcsSlotOffset, type ProcessorState } from './processor-state';

const offsets = {
  primary: vmcsSlotOffset(vmcsEncoding('CPU_BASED_VM_EXEC_CONTROL')),
  secondary: vmcsSlotOffset(vmcsEncoding('SECONDARY_VM_EXEC_CONTROL')),
  offset: vmcsSlotOffset(vmcsEncoding('TSC_OFFSET')),
  multiplier: vmcsSlotOffset(vmcsEncoding('TSC_MULTIPLIER')),
} as const;

const useOffsetting = maskOf(primaryControls, ['use TSC offsetting']);
const useSecondary = maskOf(primaryControls, ['activate secondary controls']);
const useScaling = maskOf(secondaryControls, ['use TSC scaling']);
/** Bits of the multiplier behind its binary point. */
const fractionBits = 48n;

/** Scaling has an effect only together with offsetting. */
function isScaled(state: ProcessorState, primary: number): boolean {
  const needed = useOffsetting | useSecondary;
  if ((primary & needed) !== (needed | 0)) return false;
  return (state.readU32(offsets.secondary) & useScaling) !== 0;
}

/** What RDTSC, RDTSCP and RDMSR of the counter give at a moment of the partition's clock. */
export function guestTimeStamp(state: ProcessorState, timeNs: number): bigint {
  const physical = BigInt.asUintN(64, BigInt(timeNs) + state.readU64(stateOffsets.tscOffset));
  const primary = state.readU32(offsets.primary);
  if ((primary & useOffsetting) === 0) return physical;
  const scaled = isScaled(state, primary)
    ? (physical * state.readU64(offsets.multiplier)) >> fractionBits
    : physical;
  return BigInt.asUintN(64, scaled + state.readU64(offsets.offset));
}

/** How long a difference of the guest's counter lasts, in nanoseconds. */
export function nanosecondsOf(state: ProcessorState, ticks: bigint): bigint {
  if (!isScaled(state, state.readU32(offsets.primary))) return ticks;
  const multiplier = state.readU64(offsets.multiplier);
  return multiplier === 0n ? ticks : ((ticks << fractionBits) + multiplier - 1n) / multiplier;
}

/** The processor's own counter at which the guest's has `value`, or has just passed it. */
export function physicalTimeStamp(state: ProcessorState, value: bigint): bigint {
  const primary = state.readU32(offsets.primary);
  if ((primary & useOffsetting) === 0) return value;
  const scaled = BigInt.asUintN(64, value - state.readU64(offsets.offset));
  return BigInt.asUintN(64, nanosecondsOf(state, scaled));
}
