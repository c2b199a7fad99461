/** How interrupts reach the processors of a partition: what synthetic timers, hypercalls and synthetic MSRs use. */
import type { InterruptRequest } from '../machine/interrupt-request';
import type { VirtualProcessor } from './virtual-processor';

/** A partition's local APICs as the rest of the hypervisor sees them. Nothing is delivered before the step ends. */
export interface InterruptDelivery {
  /**
   * Requests an edge-triggered fixed interrupt on one processor, as a synthetic timer in direct mode does. A local APIC
   * that is disabled drops it.
   * @param vector 16 to 255
   */
  requestInterrupt(processor: VirtualProcessor, vector: number): void;

  /** Sends a message to whom its destination names, as an IPI, an MSI or HvCallAssertVirtualInterrupt does. */
  send(request: InterruptRequest): void;

  /** Ends the interrupt in service with the highest priority (HV_X64_MSR_EOI). */
  endOfInterrupt(processor: VirtualProcessor): void;

  /** Task-priority register, 0 to 255 (HV_X64_MSR_TPR). */
  readTaskPriority(processor: VirtualProcessor): number;
  writeTaskPriority(processor: VirtualProcessor, value: number): void;

  /** Interrupt command register: destination in bits 63:32, as HV_X64_MSR_ICR has it in both APIC modes. */
  readCommand(processor: VirtualProcessor): bigint;
  writeCommand(processor: VirtualProcessor, value: bigint): void;
}
