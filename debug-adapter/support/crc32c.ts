/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes at a time. */
import { once } from './once';

const reversedPolynomial = 0x82f63b78;
const slices = 8;

/** `tables[k][b]`: the remainder of byte `b` with `k` zero bytes behind it. */
function makeTables(): readonly Uint32Array[] {
  const tables = Array.from({ length: slices }, () => new Uint32Array(256));
  const [first = new Uint32Array(256)] = tables;
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder >>> 1) ^ (remainder & 1 ? reversedPolynomial : 0);
    }
    first[byte] = remainder;
  }
  for (let slice = 1; slice < slices; slice++) {
    const [before, table] = [tables[slice - 1] ?? first, tables[slice] ?? first];
    before.forEach((value, byte) => {
      table[byte] = (value >>> 8) ^ (first[value & 0xff] ?? 0);
    });
  }
  return tables;
}

const tablesOf = once(makeTables);

function at(table: Uint32Array | undefined, index: number): number {
  return table?.[index & 0xff] ?? 0;
}

/** The checksum of `bytes`, an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tablesOf();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = 0xffffffff;
  const whole = bytes.length - (bytes.length % slices);
  for (let from = 0; from < whole; from += slices) {
    const low = crc ^ view.getUint32(from, true);
    const high = view.getUint32(from + 4, true);
    crc = at(t7, low) ^ at(t6, low >>> 8) ^ at(t5, low >>> 16) ^ at(t4, low >>> 24);
    crc ^= at(t3, high) ^ at(t2, high >>> 8) ^ at(t1, high >>> 16) ^ at(t0, high >>> 24);
  }
  for (const byte of bytes.subarray(whole)) crc = (crc >>> 8) ^ at(t0, crc ^ byte);
  return (crc ^ 0xffffffff) >>> 0;
}
