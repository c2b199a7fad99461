/**
 * Lets one instruction run as if no control made it exit, for a hypervisor that has taken note of the exit and wants
 * nothing else of it (decision 57). The controls are put aside while that instruction runs, which nobody can see.
 */
import { primaryControls, secondaryControls } from '../../spec/x86/vmx-controls';
import { stateOffsets } from '../../machine/processor-state';
import { maskOf } from '../../support/bit-field';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';

const primary = maskOf(primaryControls, [
  ...['HLT', 'INVLPG', 'MWAIT', 'RDPMC', 'RDTSC', 'CR3-load', 'CR3-store', 'CR8-load'].map(exiting),
  ...['CR8-store', 'MOV-DR', 'MONITOR', 'PAUSE'].map(exiting),
]);
const secondary = maskOf(
  secondaryControls,
  ['descriptor-table', 'WBINVD', 'RDRAND', 'RDSEED', 'PAUSE-loop'].map(exiting),
);

function exiting(name: string): string {
  return `${name} exiting`;
}

const ownedRegisters = [
  { value: vmcsOffsets.cr0, mask: vmcsOffsets.cr0Mask, shadow: vmcsOffsets.cr0Shadow },
  { value: vmcsOffsets.cr4, mask: vmcsOffsets.cr4Mask, shadow: vmcsOffsets.cr4Shadow },
] as const;

/** Whether the instruction at RIP is to run whatever the controls say. */
export function isExitPassed({ state }: ProcessorContext): boolean {
  return state.readU32(stateOffsets.passedExit) !== 0;
}

/** Puts the controls aside. @returns puts them back; bits of control registers that the host owns keep what was written */
export function putControlsAside({ state }: ProcessorContext): () => void {
  const first = state.readU32(vmcsOffsets.primaryControls);
  const second = state.readU32(vmcsOffsets.secondaryControls);
  const before = ownedRegisters.map(({ value, mask }) => ({
    owned: state.readU64(mask),
    value: state.readU64(value),
  }));
  state.writeU32(vmcsOffsets.primaryControls, first & ~primary);
  state.writeU32(vmcsOffsets.secondaryControls, second & ~secondary);
  for (const { mask } of ownedRegisters) state.writeU64(mask, 0n);
  return () => {
    state.writeU32(vmcsOffsets.primaryControls, first);
    state.writeU32(vmcsOffsets.secondaryControls, second);
    ownedRegisters.forEach(({ mask, shadow, value }, index) => {
      const kept = before[index];
      if (kept === undefined) return;
      state.writeU64(mask, kept.owned);
      const now = state.readU64(value);
      if (now === kept.value) return;
      const seen = state.readU64(shadow) & ~kept.owned;
      state.writeU64(shadow, seen | (now & kept.owned));
    });
  };
}
