// Table: encodings of the ACPI machine language, ACPI specification 6.5, chapter 20.2, and resource descriptors, 6.4.

/** Term opcodes (20.2, table 20.2). */
export const amlOpcode = {
  ZeroOp: 0x00,
  OneOp: 0x01,
  NameOp: 0x08,
  BytePrefix: 0x0a,
  WordPrefix: 0x0b,
  DWordPrefix: 0x0c,
  StringPrefix: 0x0d,
  QWordPrefix: 0x0e,
  ScopeOp: 0x10,
  BufferOp: 0x11,
  PackageOp: 0x12,
  MethodOp: 0x14,
  ExtOpPrefix: 0x5b,
  ReturnOp: 0xa4,
  /** Follows ExtOpPrefix. */
  DeviceOp: 0x82,
} as const;

/** First bytes of resource descriptors (6.4.2, 6.4.3). */
export const resourceTag = {
  /** IRQ without the flags byte: edge, active high, exclusive. */
  irqNoFlags: 0x22,
  io: 0x47,
  endTag: 0x79,
  memory32Fixed: 0x86,
  dwordAddressSpace: 0x87,
  wordAddressSpace: 0x88,
  qwordAddressSpace: 0x8a,
} as const;

/** Resource type of an address space descriptor (6.4.3.5). */
export const addressSpace = { memory: 0, io: 1, busNumber: 2 } as const;

/** General flags of an address space descriptor: both ends are fixed. */
export const minAndMaxFixed = 0x0c;

/** Type-specific flags: cacheable read-write memory; the entire I/O range. */
export const memoryCacheableReadWrite = 0x03;
export const ioEntireRange = 0x03;

/** IO descriptor: the device decodes 16 bits of the address. */
export const decode16 = 1;

/** What _STA answers for a device that is present, enabled, shown and working (6.3.7). */
export const deviceIsWorking = 0x0f;
