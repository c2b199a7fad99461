/** Puts an exception into the VM-entry interruption information; VM entry delivers it (SDM vol. 3, 27.6). */
import { vmcsEncoding } from '../machine/processor-state';
import { exceptionByVector } from '../spec/x86/exceptions';
import { present } from '../support/assert';
import type { VirtualProcessor } from './virtual-processor';

const informationField = vmcsEncoding('VM_ENTRY_INTR_INFO_FIELD');
const errorCodeField = vmcsEncoding('VM_ENTRY_EXCEPTION_ERROR_CODE');

const valid = 1 << 31;
const deliverErrorCode = 1 << 11;
const hardwareException = 3 << 8;

/** The instruction at RIP faults with `vector`; the error code counts where the exception has one. */
export function injectException(processor: VirtualProcessor, vector: number, errorCode = 0): void {
  const exception = present(exceptionByVector.get(vector), `exception ${vector}`);
  // Real mode has no error codes (SDM vol. 3, 27.2.1.3).
  const hasErrorCode = exception.hasErrorCode && processor.isProtectedMode;
  const information = valid | hardwareException | (hasErrorCode ? deliverErrorCode : 0) | vector;
  processor.state.setVmcs(informationField, BigInt(information >>> 0));
  processor.state.setVmcs(errorCodeField, BigInt(errorCode));
  // The instruction is over, with what it has been told by devices.
  processor.state.forgetAnswers();
}
