/** Exits between two instructions: what waited for them is decided about again with every exit. */
import { stateOffsets } from '../../machine/processor-state';
import { ExitReasonNumber } from '../../spec/x86/exit-reasons';
import { dropHeldWindow, windowControl } from '../window-controls';
import { resume, type ExitHandler } from './exit-handler';

/** Exits 7 and 8: a window that a person has asked for was met. */
export const handleEventWindow: ExitHandler = ({ exit, processor }) => {
  const { interruptWindow, nmiWindow } = windowControl;
  const isNmi = (exit.reason & 0xffff) === ExitReasonNumber.NMI_WINDOW;
  dropHeldWindow(processor.state, isNmi ? nmiWindow : interruptWindow);
  return resume;
};

/** Exits 37, 43 and 52: a person has asked for them, and has seen them by now. */
export const handleBoundary: ExitHandler = ({ processor }) => {
  // Who has halted enters again as well: its preemption timer counts anew.
  if (processor.runState === 'halted') processor.state.writeU32(stateOffsets.passedExit, 1);
  return resume;
};
