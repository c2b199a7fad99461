/** The event whose delivery a task switch interrupted, and what a fault on the way makes of both. */
import { vmcsEncoding, type ProcessorState } from '../../machine/processor-state';
import { ExceptionNumber, exceptionByVector } from '../../spec/x86/exceptions';

const informationField = vmcsEncoding('IDT_VECTORING_INFO_FIELD');
const errorCodeField = vmcsEncoding('IDT_VECTORING_ERROR_CODE');
const valid = 0x80000000;
const hasErrorCode = 0x800;
const hardwareException = 3;
const softwareInterrupt = 4;
const softwareException = 6;

export interface InterruptedEvent {
  readonly vector: number;
  /** SDM vol. 3, table 25-17. */
  readonly type: number;
  readonly errorCode: number | undefined;
  /** Neither INT n, INT3 nor INTO: error codes of faults on the way say so. */
  readonly isExternal: boolean;
}

/** What the VMCS says was being delivered; undefined where an instruction asked for the switch. */
export function interruptedEvent(state: ProcessorState): InterruptedEvent | undefined {
  const information = Number(state.vmcs(informationField));
  if ((information & valid) === 0) return undefined;
  const type = (information >>> 8) & 7;
  return {
    vector: information & 0xff,
    type,
    errorCode: (information & hasErrorCode) !== 0 ? Number(state.vmcs(errorCodeField)) : undefined,
    isExternal: type !== softwareInterrupt && type !== softwareException,
  };
}

/** SDM vol. 3, table 6-5. */
export function combinedFault(
  event: InterruptedEvent | undefined,
  second: number,
): 'second' | 'double fault' | 'triple fault' {
  if (event?.type !== hardwareException) return 'second';
  const later = exceptionByVector.get(second)?.doubleFaultClass ?? 'benign';
  if (later === 'benign') return 'second';
  if (event.vector === ExceptionNumber.DF) return 'triple fault';
  const first = exceptionByVector.get(event.vector)?.doubleFaultClass ?? 'benign';
  const doubles = first === 'page fault' || (first === 'contributory' && later === 'contributory');
  return doubles ? 'double fault' : 'second';
}
