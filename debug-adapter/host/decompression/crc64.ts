/** CRC-64 of the xz format (The .xz File Format, section 6). */

/** 0xC96C5795D7870F42 in two halves. */
const crc64PolynomialHigh = 0xc96c5795;
const crc64PolynomialLow = 0xd7870f42;

const crc64High = new Int32Array(256);
const crc64Low = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit++) {
    const carry = (low & 1) !== 0;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (!carry) continue;
    high ^= crc64PolynomialHigh;
    low ^= crc64PolynomialLow;
  }
  crc64High[byte] = high;
  crc64Low[byte] = low;
}

/** The checksum as the eight bytes that the format stores. */
export function crc64Bytes(bytes: Uint8Array): Uint8Array {
  let high = -1;
  let low = -1;
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (crc64Low[index] ?? 0);
    high = (high >>> 8) ^ (crc64High[index] ?? 0);
  }
  const result = new Uint8Array(8);
  const view = new DataView(result.buffer);
  view.setInt32(0, ~low, true);
  view.setInt32(4, ~high, true);
  return result;
}
