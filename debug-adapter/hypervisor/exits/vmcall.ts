/** Exit 18: VMCALL, the instruction of the hypercall page. */
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { dispatchHypercall } from '../hypercalls/dispatch';
import {
  readHypercallRegisters,
  writeContinuation,
  writeHypercallResult,
} from '../hypercalls/calling-convention';
import { lowHalf } from '../../support/word-halves';
import { injectException } from '../inject-exception';
import { resume, type ExitHandler } from './exit-handler';

const noBytes = new Uint8Array(0);

/** #UD outside protected mode, outside CPL 0 and without a hypercall page (TLFS 3.8). */
export const handleVmcall: ExitHandler = ({ partition, processor, services }) => {
  const isLegal =
    processor.isProtectedMode && processor.privilegeLevel === 0 && partition.hypercallsEnabled;
  const timeNs = partition.clock.read(services.timeNs());
  if (!isLegal) {
    injectException(processor, ExceptionNumber.UD);
    return resume;
  }
  const registers = readHypercallRegisters(processor);
  const blocks = { input: noBytes, output: noBytes };
  const result = dispatchHypercall({ partition, processor, timeNs }, registers, blocks);
  services.charge('hypercall');
  if (result.continues === true) {
    // RIP stays at the instruction: it runs again, after interrupts that have come meanwhile.
    writeContinuation(processor, result.repsCompleted);
    return resume;
  }
  services.trace.emit({
    kind: 'hypercall',
    partition: partition.id,
    processor: processor.index,
    code: lowHalf(registers.control) & 0xffff,
    control: registers.control,
    status: result.status,
    repsCompleted: result.repsCompleted,
    input: blocks.input,
    output: blocks.output,
  });
  writeHypercallResult(processor, result);
  processor.core.completeInstruction();
  return resume;
};
