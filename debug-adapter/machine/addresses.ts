/** The address spaces of a partition. Physical addresses are numbers, virtual ones bigints. */

import type { LinearAddressBits } from '../spec/x86/address-widths';

/** Guest-physical address in bytes, below 2^52. */
export type GuestPhysicalAddress = number;

/** Guest-virtual (linear) address, 0 to 2^64-1. */
export type GuestVirtualAddress = bigint;

/** Bytes in a page; the unit of every map in the machine. */
export const pageSizeBytes = 4096;

/** Physical addresses have 52 bits. */
export const physicalPageCount = 2 ** 52 / pageSizeBytes;

/** Index of the page that holds `address`. */
export function pageOf(address: GuestPhysicalAddress): number {
  return Math.floor(address / pageSizeBytes);
}

/** Offset of `address` inside its page. */
export function pageOffsetOf(address: GuestPhysicalAddress): number {
  return address % pageSizeBytes;
}

/** Canonical form: the bits above the lower `bits` of `address` equal the highest of these (SDM vol. 1, 3.3.7.1). */
export function isCanonical(address: GuestVirtualAddress, bits: LinearAddressBits): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(bits, address)) === BigInt.asUintN(64, address);
}

/** The same of an address of which `high` is the upper half, as a signed 32-bit integer. */
export function isCanonicalHalf(high: number, bits: LinearAddressBits): boolean {
  const top = high >> (bits - 33);
  return top === 0 || top === -1;
}
