/** An exception or interrupt on its way to the guest's handler. */
import type { ProcessorState } from '../../machine/processor-state';
import { vector, type Fault } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { eventType } from '../vmx/vm-exits';

const flagResume = 0x10000;

/**
 * Something to be delivered. Whoever makes one names all of this, in this order: what delivers an event reads it fast
 * only where all have one shape.
 */
export interface Event {
  readonly vector: number;
  readonly errorCode: number | undefined;
  /** An `eventType` number. */
  readonly type: number;
  /** RIP that the handler returns to. */
  readonly returnIp: bigint;
  /** Linear address for CR2, of a page fault. */
  readonly address: bigint | undefined;
  /** Bits that a debug exception sets in DR6; an exit has them in its qualification instead. */
  readonly debugStatus: bigint | undefined;
  /** Bytes of the instruction that is a software interrupt or exception; 0 for others. */
  readonly instructionLength: number;
}

const entryErrorCode = 0x800;
const softwareTypes: ReadonlySet<number> = new Set([
  eventType.softwareInterrupt,
  eventType.privilegedSoftwareException,
  eventType.softwareException,
]);

/** What VM entry injects (SDM vol. 3, 27.6). */
export function injectedEvent(state: ProcessorState, information: number): Event {
  const type = (information >>> 8) & 7;
  const length = softwareTypes.has(type) ? state.readU64(vmcsOffsets.entryInstructionLength) : 0n;
  const hasErrorCode = (information & entryErrorCode) !== 0;
  return {
    vector: information & 0xff,
    errorCode: hasErrorCode ? state.readU32(vmcsOffsets.entryErrorCode) : undefined,
    type,
    returnIp: state.rip + length,
    address: undefined,
    debugStatus: undefined,
    instructionLength: Number(length),
  };
}

/** The #DB of traps that were pending, with their bits of DR6. */
export function debugTrap({ rip }: ProcessorState, debugStatus: bigint): Event {
  return {
    vector: vector.DB,
    errorCode: undefined,
    type: eventType.hardwareException,
    returnIp: rip,
    address: undefined,
    debugStatus,
    instructionLength: 0,
  };
}

/** How an attempt to deliver ended: a fault that it met takes its place. */
export type Attempt = 'delivered' | 'exit' | 'exhausted' | Fault;

/** Faults save RF set, so that the instruction does not stop on its own breakpoint again (SDM vol. 3, 17.3.1.1). */
export function savedFlags(event: Event, rflags: number): number {
  const isFault = event.type === eventType.hardwareException && event.vector !== vector.DB;
  return isFault ? rflags | flagResume : rflags;
}

export function isSoftware(event: Event): boolean {
  return event.type === eventType.softwareInterrupt || event.type === eventType.softwareException;
}
