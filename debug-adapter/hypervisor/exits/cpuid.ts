/** Exit 10: CPUID. */
import { answerCpuid } from '../cpuid-model';
import { resume, type ExitHandler } from './exit-handler';

const [rax, rcx, rdx, rbx] = [0, 1, 2, 3] as const;

export const handleCpuid: ExitHandler = ({ partition, processor }) => {
  const { state, core } = processor;
  const leaf = state.gpr32(rax);
  const subleaf = state.gpr32(rcx);
  const { eax, ebx, ecx, edx } = answerCpuid(partition, processor.index, leaf, subleaf);
  state.setGpr32(rax, eax);
  state.setGpr32(rbx, ebx);
  state.setGpr32(rcx, ecx);
  state.setGpr32(rdx, edx);
  core.completeInstruction();
  return resume;
};
