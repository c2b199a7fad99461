/** Exit 28: control-register access. The hypervisor asks for loads of CR8 only, while the task priority holds an interrupt back. */
import { crAccessQualification as layout } from '../../spec/x86/exit-reasons';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { extractBits } from '../../support/bit-field';
import { injectException } from '../inject-exception';
import { resume, type ExitHandler } from './exit-handler';
import { passOn } from './passed-on';

const cr8 = 8n;
const moveTo = 0n;
const highestPriority = 15n;

export const handleCrAccess: ExitHandler = (context) => {
  const { exit, processor } = context;
  const { qualification } = exit;
  const isLoad = extractBits(qualification, layout.accessType) === moveTo;
  if (extractBits(qualification, layout.register) !== cr8 || !isLoad) return passOn(context);
  const value = processor.state.gpr(Number(extractBits(qualification, layout.general)));
  if (value > highestPriority) {
    injectException(processor, ExceptionNumber.GP);
    return resume;
  }
  processor.apic.taskPriority = Number(value) << 4;
  processor.core.completeInstruction();
  return resume;
};
