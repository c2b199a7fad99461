/** Exits of instructions that this hypervisor does not offer, or that have no effect here. */
import { injectException } from '../inject-exception';
import { resume, type ExitHandler } from './exit-handler';

/** The instruction faults as it does on a processor without it. */
export function refuseAs(vector: number): ExitHandler {
  return ({ processor }) => {
    injectException(processor, vector);
    return resume;
  };
}

export const completeWithoutEffect: ExitHandler = ({ processor }) => {
  processor.core.completeInstruction();
  return resume;
};
