/**
 * The contract between Hyperscope and a sample guest: where it is entered, with what state, and how it talks.
 * Guests include the same numbers through `guests/include/hyperscope.inc`, which is generated from this file.
 *
 * A sample guest is a static ELF64 executable. It is entered in 64-bit mode at CPL 0 with interrupts off.
 */
export const sampleGuest = {
  /** Writing a byte here prints it on the guest's console (the port of Bochs' and QEMU's debug console). */
  consolePort: 0xe9,
  /** Writing a byte here ends the guest with that exit code. */
  exitPort: 0xf4,

  /** Paging structures: the first gigabyte, identity-mapped with 2 MiB pages, present and writable, supervisor. */
  pageTablesGpa: 0x1000,
  pageTablesBytes: 0x3000,
  /** GDT: null, 64-bit code (selector 0x08), data (selector 0x10), 64-bit TSS (selector 0x18, not loaded). */
  gdtGpa: 0x4000,
  codeSelector: 0x08,
  dataSelector: 0x10,
  /** RDI holds this address at entry; the structure is described by {@link bootInformation}. */
  bootInformationGpa: 0x5000,
  /** RSP at entry; the stack grows down from here and has at least 64 KiB. */
  stackTopGpa: 0x80000,
  /** Lowest address at which a guest's segments may be loaded. */
  loadGpa: 0x100000,
} as const;

/** Boot information: byte offsets of little-endian fields from the address in RDI. */
export const bootInformation = {
  /** u64: the bytes "HYPRSCOP". */
  magic: 0,
  /** u32: 1. */
  version: 8,
  /** u32: virtual processors in the partition. */
  processorCount: 12,
  /** u64: bytes of RAM from address 0. */
  memoryBytes: 16,
  /** u64: address of a zero-terminated command line, 0 where there is none. */
  commandLineGpa: 24,
  bytes: 32,
  magicText: 'HYPRSCOP',
} as const;
