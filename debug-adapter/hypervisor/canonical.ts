/** Canonical form of linear addresses with four-level paging (SDM vol. 1, 3.3.7.1). */

/** True where bits 63:47 of `address` are equal. */
export function isCanonical(address: bigint): boolean {
  const upper = BigInt.asUintN(64, address) >> 47n;
  return upper === 0n || upper === 0x1ffffn;
}
