// Table: constants of the calls by which a parent makes and runs its children, TLFS chapters 4, 5, 7, 9 and 11.
import { bit, type BitField } from '../../support/bit-field';

/** HV_PARTITION_ID and HV_VP_INDEX values with a meaning of their own (TLFS 7.8). */
export const partitionIdSelf = (1n << 64n) - 1n;
export const vpIndexSelf = 0xfffffffen;

/** HV_PARTITION_CREATION_FLAGS. */
export const creationFlags = {
  gpaSuperPages: bit(4, 'GPA super pages'),
  localApic: bit(13, 'local APIC'),
} as const satisfies Readonly<Record<string, BitField>>;

/** HV_PARTITION_PROPERTY_CODE: the properties that children of this machine have. */
export const partitionProperty = {
  PrivilegeFlags: 0x00010000,
  Suspend: 0x00020000,
  CpuReserve: 0x00020001,
  CpuCap: 0x00020002,
  CpuWeight: 0x00020003,
  GuestOsId: 0x00070000,
} as const;

/** CpuReserve and CpuCap of a whole logical processor. */
export const wholeProcessor = 0x10000;
/** Values of CpuWeight. */
export const cpuWeight = { least: 1, most: 10_000 } as const;

/** HV_MAP_GPA_FLAGS as masks. */
export const mapGpaFlag = {
  readable: 0x1,
  writable: 0x2,
  kernelExecutable: 0x4,
  userExecutable: 0x8,
  noAccess: 0x10000,
  largePage: 0x80000000,
} as const;

/** Bits of the flags of HvCallUnmapGpaPages. */
export const unmapGpaFlag = { keepPrecommitted: 1, largePage: 2 } as const;

/** Pages of a large page. */
export const largePagePages = 512;

/** HV_INTERCEPT_TYPE: the types that a parent can install here, and those that the trace names. */
export const interceptType = { X64IoPort: 0, X64IoPortRange: 0x11 } as const;
/** Access types of an intercept as masks; none removes it. */
export const interceptAccess = { none: 0, read: 1, write: 2, execute: 4 } as const;

/** HV_PORT_TYPE. */
export const portType = { message: 1, event: 2, monitor: 3, doorbell: 4 } as const;
/** Identifiers of ports and connections have 24 bits. */
export const portIdMax = 0xffffff;
