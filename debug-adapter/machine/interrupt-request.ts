/** An interrupt on its way to a local APIC: what HvCallAssertVirtualInterrupt, an I/O APIC or an IPI hands over. */

/** Delivery modes, numbered as in the ICR and the redirection entries (SDM vol. 3, 11.6.1). */
export const deliveryMode = {
  fixed: 0,
  lowestPriority: 1,
  smi: 2,
  nmi: 4,
  init: 5,
  startUp: 6,
  externalInterrupt: 7,
} as const;

/** A value of {@link deliveryMode}. */
export type DeliveryMode = (typeof deliveryMode)[keyof typeof deliveryMode];

/** One interrupt message of the system bus. */
export interface InterruptRequest {
  readonly mode: DeliveryMode;
  /** 0 to 255; ignored by NMI and INIT, the page number of the entry point for a start-up IPI. */
  readonly vector: number;
  /** APIC id, or a set of logical ids where `isLogical`; 0xff (0xffffffff in x2APIC form) is everyone. */
  readonly destination: number;
  readonly isLogical: boolean;
  /** Level-triggered: the local APIC sets the TMR bit and its EOI is broadcast to the I/O APICs. */
  readonly isLevel: boolean;
}
