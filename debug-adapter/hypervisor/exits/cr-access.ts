/** Exit 28: control-register access. Only loads of CR8 exit, while the task priority holds an interrupt back. */
import { crAccessQualification as layout } from '../../spec/x86/exit-reasons';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { extractBits } from '../../support/bit-field';
import { injectException } from '../inject-exception';
import { resume, type ExitHandler } from './exit-handler';

const cr8 = 8n;
const moveTo = 0n;
const highestPriority = 15n;

export const handleCrAccess: ExitHandler = ({ exit, processor }) => {
  const { qualification } = exit;
  const isLoad = extractBits(qualification, layout.accessType) === moveTo;
  if (extractBits(qualification, layout.register) !== cr8 || !isLoad) {
    return { kind: 'unhandled', message: 'A control register is intercepted that has no handler.' };
  }
  const value = processor.state.gpr(Number(extractBits(qualification, layout.general)));
  if (value > highestPriority) {
    injectException(processor, ExceptionNumber.GP);
    return resume;
  }
  processor.apic.taskPriority = Number(value) << 4;
  processor.core.completeInstruction();
  return resume;
};
