/** Exit 12: HLT. The processor waits until an interrupt wakes it. */
import { resume, type ExitHandler } from './exit-handler';

export const handleHlt: ExitHandler = ({ processor }) => {
  processor.core.completeInstruction();
  processor.runState = 'halted';
  return resume;
};
