/** Pages of a partition's space that belong to the hypervisor: structures that VMCS fields name by their address. */

/** Addresses of the structures, each of one page. Their contents follow from the configuration and are no state. */
export const hypervisorPages = {
  /** MSR_BITMAP (SDM vol. 3, 25.6.9). */
  msrBitmap: 0x1000,
  /** IO_BITMAP_A and IO_BITMAP_B (SDM vol. 3, 25.6.4). */
  ioBitmapA: 0x2000,
  ioBitmapB: 0x3000,
} as const;

/** First address behind them; the first processor's state begins there. */
export const hypervisorPagesEnd = 0x10000;

/** Whether a VMCS field may hold this address: a page of its own, among the hypervisor's. */
export function isHypervisorPage(address: bigint): boolean {
  return address > 0n && address < BigInt(hypervisorPagesEnd) && (address & 0xfffn) === 0n;
}
