// Differencing images for tests, made of two written images and the fields that join them: QEMU does not write any.
import assert from 'node:assert/strict';
import { finishPieces } from '../../debug-adapter/parent-partition/virtual-disks/disk-content';
import { planImage } from '../../debug-adapter/parent-partition/virtual-disks/image-writer';
import { vhdChecksum } from '../../debug-adapter/parent-partition/virtual-disks/vhd/vhd-structures';
import { guidText, parseGuid } from '../../debug-adapter/support/guid';
import { SeededRandom } from './seeded-random';

const megabyte = 1 << 20;
const random = new SeededRandom(71);
export const parentContent = random.bytes(6 * megabyte);
const childContent = random.bytes(6 * megabyte);

export function writeImage(
  content: Uint8Array,
  format: 'vhd' | 'vhdx',
  identity: number,
): Uint8Array {
  const disk = {
    ...{ path: 'disk', sizeBytes: content.length, identity: new Uint8Array(16).fill(identity) },
    ...{ logicalSectorBytes: 512, physicalSectorBytes: 512 },
    read: (offset: number, target: Uint8Array) => {
      target.set(content.subarray(offset, offset + target.length));
      return true;
    },
  };
  const { sizeBytes, fill } = finishPieces(planImage(disk, format));
  const bytes = new Uint8Array(sizeBytes);
  finishPieces(fill({ write: (offset, part) => bytes.set(part, offset) }));
  return bytes;
}

/** Sectors that are the child's, in the first block of 2 MiB; the second is not in it at all, the third whole. */
const ofChild = (sector: number): boolean =>
  sector < 4096 ? sector % 5 === 0 || (sector > 1000 && sector < 1100) : sector >= 8192;

/** What the disk of a child is. */
export function childDisk(): Buffer {
  const bytes = Buffer.from(parentContent);
  for (let sector = 0; sector < bytes.length / 512; sector++) {
    if (ofChild(sector))
      bytes.set(childContent.subarray(sector * 512, sector * 512 + 512), sector * 512);
  }
  return bytes;
}

const utf16 = (text: string): Uint8Array =>
  Uint8Array.from([...text].flatMap((letter) => [letter.charCodeAt(0), 0]));

/** A child of the VHD whose identity is all ones, which is at `parentPath`. */
export function vhdChild(parentPath: string): Uint8Array {
  const plain = writeImage(childContent, 'vhd', 2);
  const locator = utf16(parentPath);
  const bytes = new Uint8Array(plain.length + 512);
  bytes.set(plain.subarray(0, plain.length - 512));
  const footer = plain.slice(plain.length - 512);
  const view = new DataView(bytes.buffer);
  const locatorAt = plain.length - 512;
  bytes.set(locator, locatorAt);
  view.setUint32(60, 4);
  new DataView(footer.buffer).setUint32(60, 4);
  for (const part of [bytes.subarray(0, 512), footer]) {
    const checksum = vhdChecksum(part, 64);
    new DataView(part.buffer, part.byteOffset).setUint32(64, checksum);
  }
  const header = bytes.subarray(512, 1536);
  const fields = new DataView(bytes.buffer, 512);
  header.fill(1, 40, 56);
  header.set(Buffer.from('W2ru'), 576);
  fields.setUint32(580, 512);
  fields.setUint32(584, locator.length);
  fields.setBigUint64(592, BigInt(locatorAt));
  fields.setUint32(36, vhdChecksum(header, 36));
  const table = 1536;
  const firstBitmap = view.getUint32(table) * 512;
  for (let sector = 0; sector < 4096; sector++) {
    const at = firstBitmap + (sector >> 3);
    if (!ofChild(sector)) bytes[at] = (bytes[at] ?? 0) & ~(0x80 >> (sector % 8));
  }
  view.setUint32(table + 4, 0xffffffff);
  bytes.set(footer, bytes.length - 512);
  return bytes;
}

/** A child of the VHDX, which has this data write GUID. */
function vhdxChild(parentPath: string, linkage: string): Uint8Array {
  const plain = writeImage(childContent, 'vhdx', 2);
  const bytes = new Uint8Array(plain.length + megabyte);
  bytes.set(plain);
  const view = new DataView(bytes.buffer);
  const metadata = 2 * megabyte;
  view.setUint32(metadata + 65536 + 4, 2, true);
  const item = metadata + 0x18000;
  const texts = ['parent_linkage', `{${linkage}}`, 'relative_path', parentPath].map(utf16);
  const guid = parseGuid('b04aefb7-d19e-4a81-b789-25b8e9445913');
  assert.ok(guid);
  bytes.set(guid, item);
  view.setUint16(item + 18, 2, true);
  let at = 20 + 24;
  texts.forEach((text, index) => {
    const row = item + 20 + (index >> 1) * 12;
    view.setUint32(row + (index % 2) * 4, at, true);
    view.setUint16(row + 8 + (index % 2) * 2, text.length, true);
    bytes.set(text, item + at);
    at += text.length;
  });
  const row = metadata + 32 + 5 * 32;
  bytes.set(parseGuid('a8d35f2d-b30b-454d-abf7-d3d84834ab0c') ?? [], row);
  view.setUint32(row + 16, 0x18000, true);
  view.setUint32(row + 20, at, true);
  view.setUint32(row + 24, 4, true);
  view.setUint16(metadata + 10, 6, true);
  // The first block is partially there, the second not; a bitmap block stands behind the chunk's 2,048 entries.
  const table = 3 * megabyte;
  const first = view.getBigUint64(table, true);
  view.setBigUint64(table, (first & ~7n) | 7n, true);
  view.setBigUint64(table + 8, 0n, true);
  view.setBigUint64(table + 2048 * 8, (BigInt(plain.length / megabyte) << 20n) | 6n, true);
  for (let sector = 0; sector < 4096; sector++) {
    const place = plain.length + (sector >> 3);
    if (ofChild(sector)) bytes[place] = (bytes[place] ?? 0) | (1 << (sector % 8));
  }
  return bytes;
}

/** Images that the children rest on, and the children of images at a path, with backslashes between folders. */
export const differencingParents = {
  vhd: writeImage(parentContent, 'vhd', 1),
  vhdx: writeImage(parentContent, 'vhdx', 1),
};
const linkage = guidText(differencingParents.vhdx, 0x20000 + 32);
export const differencingChildren = {
  vhd: (path: string): Uint8Array => vhdChild(path),
  vhdx: (path: string): Uint8Array => vhdxChild(path, linkage),
};
