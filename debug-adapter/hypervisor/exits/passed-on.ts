/** Exits that this hypervisor does not ask for: only a person's edit of the VMCS causes them (decision 57). */
import { stateOffsets, vmcsEncoding } from '../../machine/processor-state';
import { ExceptionNumber } from '../../spec/x86/exceptions';
import { interruptionInformation } from '../../spec/x86/vmx-controls';
import { extractBits } from '../../support/bit-field';
import { injectException } from '../inject-exception';
import { combinedFault, interruptedEvent } from '../task-switch/interrupted-event';
import { resume, type ExitHandler } from './exit-handler';
import { handleTripleFault } from './triple-fault';

const field = {
  exitInformation: vmcsEncoding('VM_EXIT_INTR_INFO'),
  exitErrorCode: vmcsEncoding('VM_EXIT_INTR_ERROR_CODE'),
  exitLength: vmcsEncoding('VM_EXIT_INSTRUCTION_LEN'),
  entryInformation: vmcsEncoding('VM_ENTRY_INTR_INFO_FIELD'),
  entryErrorCode: vmcsEncoding('VM_ENTRY_EXCEPTION_ERROR_CODE'),
  entryLength: vmcsEncoding('VM_ENTRY_INSTRUCTION_LEN'),
  dr7: vmcsEncoding('GUEST_DR7'),
} as const;

const nmiUnblocking = 0x1000n;
/** DR7.GD, which a debug exception clears (SDM vol. 3, 17.2.4). */
const generalDetect = 0x2000n;
const debugStatus = stateOffsets.dr + 6 * 8;

/** The instruction runs as if no control made it exit. */
export const passOn: ExitHandler = ({ processor }) => {
  processor.state.writeU32(stateOffsets.passedExit, 1);
  return resume;
};

/**
 * Exit 0: the guest gets its exception. What the delivery of an exception writes besides, the exit has not written (SDM
 * vol. 3, 28.1); a fault on the way to a handler may have become a double fault.
 */
export const reflectException: ExitHandler = (context) => {
  const { processor, exit } = context;
  const { state } = processor;
  const information = state.vmcs(field.exitInformation);
  const vector = Number(extractBits(information, interruptionInformation.vector));
  if (vector === ExceptionNumber.PF) state.writeU64(stateOffsets.cr2, exit.qualification);
  if (vector === ExceptionNumber.DB) {
    state.writeU64(debugStatus, state.readU64(debugStatus) | exit.qualification);
    state.setVmcs(field.dr7, state.vmcs(field.dr7) & ~generalDetect);
  }
  switch (combinedFault(interruptedEvent(state), vector)) {
    case 'triple fault':
      return handleTripleFault(context);
    case 'double fault':
      injectException(processor, ExceptionNumber.DF);
      return resume;
    default:
      state.setVmcs(field.entryInformation, information & ~nmiUnblocking);
      state.setVmcs(field.entryErrorCode, state.vmcs(field.exitErrorCode));
      state.setVmcs(field.entryLength, state.vmcs(field.exitLength));
      return resume;
  }
};
