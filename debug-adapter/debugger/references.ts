/** References to guest memory on the wire: opaque `space:epoch:0x…` texts; plain `0x…` is understood too. */

/** A parsed reference. */
export interface MemoryReference {
  /** Thread whose address space is meant; undefined for a plain address. */
  readonly threadId: number | undefined;
  readonly address: bigint;
}

const pattern = /^(?:v(\d{1,9}):\d{1,9}:)?(-?0[xX][0-9a-fA-F]{1,16}|\d{1,20})$/;

/**
 * Writes a reference.
 * @param epoch changes whenever what clients cached under older references may be stale
 */
export function formatReference(threadId: number, epoch: number, address: bigint): string {
  return `v${threadId}:${epoch}:0x${address.toString(16)}`;
}

/** Reads a reference plus byte offset; undefined where it is none, or points outside the address space. */
export function parseReference(text: string, offset = 0): MemoryReference | undefined {
  const match = pattern.exec(text.trim());
  const digits = match?.[2];
  if (digits === undefined || digits.startsWith('-')) return undefined;
  const address = BigInt(digits) + BigInt(Math.trunc(offset));
  if (address < 0n || address >= 1n << 64n) return undefined;
  return { threadId: match?.[1] === undefined ? undefined : Number(match[1]), address };
}
