/** Machine code as tests write it: bytes in hexadecimal, and little-endian fields. */

/** Bytes of a text such as `48 89 c3`. */
export function machineCode(hex: string): Uint8Array {
  const digits = hex.replace(/\s+/g, '');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A little-endian integer of `bytes` bytes, as hexadecimal text. */
export function littleEndian(value: bigint | number, bytes: number): string {
  let rest = BigInt.asUintN(bytes * 8, BigInt(value));
  let text = '';
  for (let index = 0; index < bytes; index++) {
    text += (rest & 0xffn).toString(16).padStart(2, '0');
    rest >>= 8n;
  }
  return text;
}
