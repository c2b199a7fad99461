// Table: registers of the I/O APIC, Intel 82093AA data sheet (290566), and the EOI register of later versions.

/** Offsets in its memory. */
export const ioApicOffset = { IOREGSEL: 0x00, IOWIN: 0x10, EOIR: 0x40 } as const;

/** Indexes for IOREGSEL. Entry n has its low half at `IOREDTBL + 2n`, its high half after it. */
export const ioApicIndex = {
  IOAPICID: 0x00,
  IOAPICVER: 0x01,
  IOAPICARB: 0x02,
  IOREDTBL: 0x10,
} as const;

/** First version that has an EOI register. */
export const ioApicVersion = 0x20;

/** Bits of the version register: the number of the last entry. */
export const maximumRedirectionEntryShift = 16;

/** Bits 27:24 of IOAPICID. */
export const ioApicIdShift = 24;
export const ioApicIdMask = 0x0f00_0000;

/** The low half of a redirection entry. */
export const redirection = {
  vectorMask: 0xff,
  deliveryModeShift: 8,
  deliveryModeMask: 7,
  logicalDestination: 1 << 11,
  deliveryStatus: 1 << 12,
  activeLow: 1 << 13,
  remoteIrr: 1 << 14,
  levelTriggered: 1 << 15,
  masked: 1 << 16,
} as const;

/** Bits of the low half that software can write: all but delivery status and remote IRR. */
export const redirectionWritable = 0x0001_afff;

/**
 * The high half: bits 31:24 are the destination, bits 23:17 its bits 14:8 where the hypervisor offers extended
 * destination ids.
 */
export const redirectionHigh = {
  writable: 0xfffe_0000,
  destinationShift: 24,
  extendedDestinationShift: 17,
  extendedDestinationMask: 0x7f,
} as const;
