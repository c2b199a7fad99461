/** The halves of 64-bit values without integers of their own on the engine's heap. */

const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);
/** Which half comes first depends on the host. */
const lowAt = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1;

/** Bits 31:0, unsigned. */
export function lowHalf(value: bigint): number {
  wide[0] = value;
  return halves[lowAt] ?? 0;
}

/** Bits 63:32, unsigned. */
export function highHalf(value: bigint): number {
  wide[0] = value;
  return halves[1 - lowAt] ?? 0;
}
