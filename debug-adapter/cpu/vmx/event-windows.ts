/** Interrupt-window and NMI-window exiting (SDM vol. 3, 26.2): the exit comes as soon as an event could be delivered. */
import { stateOffsets } from '../../machine/processor-state';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { exitReason, primaryControl } from './vm-exits';

const { interruptWindowExiting, nmiWindowExiting } = primaryControl;
/** The controls that wait for a window. */
export const windowControls = interruptWindowExiting | nmiWindowExiting;

const flagInterrupt = 0x200;
const blockingByStiOrMovSs = 3;
const blockingByNmi = 8;

/**
 * The exit reason of a window that is waited for and open before the instruction at RIP. An instruction that has begun
 * and waits for answers of devices is done first.
 */
export function openWindow({ state }: ProcessorContext): number | undefined {
  const controls = state.readU32(vmcsOffsets.primaryControls);
  if ((controls & windowControls) === 0) return undefined;
  const blocking = state.readU32(vmcsOffsets.interruptibility);
  if ((blocking & blockingByStiOrMovSs) !== 0) return undefined;
  if (state.readU32(stateOffsets.answerCount) !== 0) return undefined;
  const isNmiOpen = (controls & nmiWindowExiting) !== 0 && (blocking & blockingByNmi) === 0;
  if (isNmiOpen) return exitReason.NMI_WINDOW;
  const isEnabled = (state.readU32(stateOffsets.flagsSystem) & flagInterrupt) !== 0;
  return isEnabled && (controls & interruptWindowExiting) !== 0
    ? exitReason.INTERRUPT_WINDOW
    : undefined;
}
