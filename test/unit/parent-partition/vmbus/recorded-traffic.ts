/** What a stock kernel sent to its bus and its devices in a boot, as it was recorded: what hostile guests are mutated from. */

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** Channel messages of Linux 6.1. */
export const recordedMessages: readonly Uint8Array[] = [
  '0e00000000000000 03000500 00000000 02000000 00000000 00205a0500000000 00105a0500000000',
  '0e00000000000000 01000400 00000000 00305a0500000000 00205a0500000000 00105a0500000000',
  '0300000000000000',
  `0800000000000000 01000000 100e0e00 4800 0100 00800000 00000000 ${'2a00000000000000'.repeat(8)}`,
  `0800000000000000 06000000 140e0e00 0802 0100 00000400 00000000 ${'2b00000000000000'.repeat(26)}`,
  `0900000000000000 00000000 140e0e00 ${'2c00000000000000'.repeat(28)}`,
  `0900000000000000 00000000 140e0e00 ${'2d00000000000000'.repeat(10)}`,
  `0500000000000000 01000000 01000000 100e0e00 00000000 04000000 ${'00'.repeat(120)}`,
  `0500000000000000 06000000 06000000 140e0e00 00000000 20000000 ${'00'.repeat(120)}`,
  '0700000000000000 01000000',
  '0b00000000000000 01000000 100e0e00',
  '0d00000000000000 01000000',
  '1600000000000000 01000000 01000000',
  '1000000000000000',
].map(bytesOf);

/** A descriptor in front of what is behind it. */
function packet(type: number, id: string, extension: string, payload: string): Uint8Array {
  const [middle, end] = [bytesOf(extension), bytesOf(payload)];
  const bytes = new Uint8Array(Math.ceil((16 + middle.length + end.length) / 8) * 8);
  const words = [type, (16 + middle.length) / 8, bytes.length / 8, type === 9 ? 1 : 0];
  words.forEach((word, index) => new DataView(bytes.buffer).setUint16(2 * index, word, true));
  bytes.set(bytesOf(id), 8);
  bytes.set(middle, 16);
  bytes.set(end, 16 + middle.length);
  return bytes;
}

const init = 'fdffffffffffffff';
const negotiated = (size: string, versions: string): string =>
  `01000000 ${size}000000 0000000000000000 0000 1000 00000000 01 05 0000 01000100 00000000 ${versions}`;
const command = (cdb: string, bytes: string): string =>
  `03000000 01000000 00000000 3400 0000 00000000 06 14 01 00 ${bytes} ${cdb.padEnd(40, '0')} 00000000 48000000 3c000000 00000000`;

/** Packets of storvsc and hv_utils. */
export const recordedPackets: readonly Uint8Array[] = [
  packet(6, init, '', `07000000 01000000 ${'00'.repeat(56)}`),
  packet(6, init, '', `09000000 01000000 00000000 02060000 ${'00'.repeat(48)}`),
  packet(6, init, '', `0a000000 01000000 ${'00'.repeat(56)}`),
  packet(6, init, '', `08000000 01000000 ${'00'.repeat(56)}`),
  packet(
    ...([9, '0100000000000000', '00000000 01000000 24000000 00040000 2800000000000000'] as const),
    command('120000002400', '24000000'),
  ),
  packet(
    ...([9, '0600000000000000', '00000000 01000000 00100000 00000000 2900000000000000'] as const),
    command('a00000000000000010000000', '00100000'),
  ),
  packet(6, '7700000000000000', '', negotiated('30', '03000000 03000200 01000000 03000000')),
  packet(6, '7700000000000000', '', negotiated('2c', '03000000 03000000 01000000 03000000')),
];
