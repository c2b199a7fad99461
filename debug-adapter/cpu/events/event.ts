/** An exception or interrupt on its way to the guest's handler. */
import { vector, type Fault } from '../processor-context';
import { eventType } from '../vmx/vm-exits';

const flagResume = 0x10000;

/** Something to be delivered. */
export interface Event {
  readonly vector: number;
  readonly errorCode: number | undefined;
  /** An `eventType` number. */
  readonly type: number;
  /** RIP that the handler returns to. */
  readonly returnIp: bigint;
  /** Linear address for CR2, of a page fault. */
  readonly address?: bigint | undefined;
  /** Bits that a debug exception sets in DR6; an exit has them in its qualification instead. */
  readonly debugStatus?: bigint | undefined;
  /** Bytes of the instruction that is a software interrupt or exception; 0 for others. */
  readonly instructionLength?: number;
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
