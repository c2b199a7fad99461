/** What firmware leaves in a PC's CMOS memory: how much RAM there is, and a checksum. */
import { cmosBytes, cmosMemory, equipment } from '../spec/pc/real-time-clock';

const kibibyte = 2 ** 10;
const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

/** All 128 bytes; those of the clock are 0. */
export function cmosContents(memoryBytes: number): Uint8Array {
  const bytes = new Uint8Array(cmosBytes);
  const put = (index: number, count: number, value: number): void => {
    for (let at = 0; at < count; at++) bytes[index + at] = Math.floor(value / 256 ** at) & 0xff;
  };
  const between = (first: number, last: number): number =>
    Math.max(0, Math.min(memoryBytes, last) - first);
  const word = 0xffff;
  const below4GiB = between(16 * mebibyte, 4 * gibibyte) / (64 * kibibyte);
  const above4GiB = between(4 * gibibyte, Infinity) / (64 * kibibyte);
  put(cmosMemory.equipment, 1, equipment);
  put(cmosMemory.baseMemoryKiB, 2, 640);
  for (const index of cmosMemory.extendedMemoryKiB) {
    put(index, 2, Math.min(word, between(mebibyte, 4 * gibibyte) / kibibyte));
  }
  put(cmosMemory.memoryAbove16MiB, 2, Math.min(word, below4GiB));
  put(cmosMemory.memoryAbove4GiB, 3, above4GiB);
  const { checksum, checksumFirst, checksumLast } = cmosMemory;
  const sum = bytes.subarray(checksumFirst, checksumLast + 1).reduce((total, byte) => total + byte);
  bytes[checksum] = sum >> 8;
  bytes[checksum + 1] = sum & 0xff;
  return bytes;
}
