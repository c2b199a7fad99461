/** The address spaces of a partition. Physical addresses are numbers, virtual ones bigints. */

/** Guest-physical address in bytes, below 2^52. */
export type GuestPhysicalAddress = number;

/** Guest-virtual (linear) address, 0 to 2^64-1. */
export type GuestVirtualAddress = bigint;

/** Bytes in a page; the unit of every map in the machine. */
export const pageSizeBytes = 4096;

/** Index of the page that holds `address`. */
export function pageOf(address: GuestPhysicalAddress): number {
  return Math.floor(address / pageSizeBytes);
}

/** Offset of `address` inside its page. */
export function pageOffsetOf(address: GuestPhysicalAddress): number {
  return address % pageSizeBytes;
}

/** Canonical form with four-level paging: bits 63:47 of `address` are equal (SDM vol. 1, 3.3.7.1). */
export function isCanonical(address: GuestVirtualAddress): boolean {
  const upper = BigInt.asUintN(64, address) >> 47n;
  return upper === 0n || upper === 0x1ffffn;
}
