/** Exit 10: CPUID. */
import { answerCpuid } from '../cpuid-model';
import { resume, type ExitHandler } from './exit-handler';

export const handleCpuid: ExitHandler = ({ partition, processor }) => {
  const { state, core } = processor;
  const leaf = Number(state.gpr(0) & 0xffffffffn);
  const subleaf = Number(state.gpr(1) & 0xffffffffn);
  const { eax, ebx, ecx, edx } = answerCpuid(partition, processor.index, leaf, subleaf);
  state.setGpr(0, BigInt(eax));
  state.setGpr(3, BigInt(ebx));
  state.setGpr(1, BigInt(ecx));
  state.setGpr(2, BigInt(edx));
  core.completeInstruction();
  return resume;
};
