/** Footer and dynamic header of a VHD, read and checked. */
import {
  vhdDynamicHeader as header,
  vhdDynamicHeaderCookie,
  VhdDiskType,
  vhdFooter as footer,
  vhdFooterCookie,
  vhdSizeMaximum,
  vhdSizes as sizes,
  vhdVersion,
} from '../../../spec/disk-images/vhd';
import type { BlockSource } from '../../../backends/block-source';
import type { ImageFileToOpen } from '../disk-image';
import { ImageReader, type ImageStructure } from '../image-reader';

/** What a footer says. */
export interface VhdFooter {
  readonly type: 'fixed' | 'dynamic' | 'differencing';
  /** Where the dynamic header is; not for fixed disks. */
  readonly headerOffset: number;
  readonly sizeBytes: number;
  readonly uniqueId: Uint8Array;
}

/** What a dynamic header says. */
export interface VhdDynamicHeader {
  readonly tableOffset: number;
  readonly entryCount: number;
  readonly blockBytes: number;
  readonly parentId: Uint8Array;
  /** Name as the header has it; empty where there is none. */
  readonly parentName: string;
  readonly locators: readonly { readonly code: string; readonly data: Uint8Array }[];
}

/** Bytes of a name or path in the file; a longer one is refused. */
const locatorBytesMaximum = 64 * 1024;
/** Some writers before 2004 left the last byte away. */
const shortFooterBytes = 511;

/** One's complement of the sum of all bytes but those of the checksum itself. */
export function vhdChecksum(bytes: Uint8Array, checksumOffset: number): number {
  let sum = 0;
  bytes.forEach((byte, index) => {
    if (index < checksumOffset || index >= checksumOffset + 4) sum += byte;
  });
  return ~sum >>> 0;
}

/** Where the footer of a file is, or its copy; undefined where the file is no VHD. */
export function findVhdFooter(source: BlockSource): number | undefined {
  const cookie = new Uint8Array(vhdFooterCookie.length);
  const end = source.sizeBytes;
  return [end - sizes.footer, end - shortFooterBytes, 0].find(
    (offset) => source.read(offset, cookie) && String.fromCharCode(...cookie) === vhdFooterCookie,
  );
}

/** @throws UserError where the footer at `offset` is damaged */
export function readVhdFooter(file: ImageFileToOpen, offset: number): VhdFooter {
  const reader: ImageReader = new ImageReader(file, false);
  const length = Math.min(sizes.footer, file.source.sizeBytes - offset);
  const found = reader.read('footer', offset, length);
  const expected = vhdChecksum(found.bytes, footer.checksum);
  reader.check(found.u32(footer.checksum) === expected, 'footer', 'has a wrong checksum');
  const version = found.u32(footer.fileFormatVersion);
  reader.check(version === vhdVersion, 'footer', `is of version 0x${version.toString(16)}`);
  const type = typeOf(found.u32(footer.diskType));
  reader.check(type !== undefined, 'footer', `has the disk type ${found.u32(footer.diskType)}`);
  const sizeBytes = found.large(footer.currentSize);
  const isSize = sizeBytes > 0 && sizeBytes <= vhdSizeMaximum && sizeBytes % sizes.sector === 0;
  reader.check(isSize, 'current size', `is ${sizeBytes} bytes, which no disk of this format has`);
  if (type === 'fixed') {
    const fits = sizeBytes <= offset;
    reader.check(fits, 'current size', `is ${sizeBytes} bytes, more than the file has`);
  }
  return {
    type,
    headerOffset: found.large(footer.dataOffset),
    sizeBytes,
    uniqueId: found.part(footer.uniqueId, 16),
  };
}

function typeOf(number: number): VhdFooter['type'] | undefined {
  if (number === VhdDiskType.fixed) return 'fixed';
  if (number === VhdDiskType.dynamic) return 'dynamic';
  return number === VhdDiskType.differencing ? 'differencing' : undefined;
}

/** @throws UserError where the header is damaged */
export function readVhdDynamicHeader(
  file: ImageFileToOpen,
  { headerOffset, sizeBytes, type }: VhdFooter,
): VhdDynamicHeader {
  const reader: ImageReader = new ImageReader(file, false);
  const found = reader.read('dynamic disk header', headerOffset, sizes.dynamicHeader);
  const isHeader = found.text(header.cookie, 8) === vhdDynamicHeaderCookie;
  reader.check(isHeader, 'dynamic disk header', 'is not where the footer says');
  const expected = vhdChecksum(found.bytes, header.checksum);
  const isIntact = found.u32(header.checksum) === expected;
  reader.check(isIntact, 'dynamic disk header', 'has a wrong checksum');
  const version = found.u32(header.headerVersion);
  const what = `is of version 0x${version.toString(16)}`;
  reader.check(version === vhdVersion, 'dynamic disk header', what);
  const blockBytes = found.u32(header.blockSize);
  const isBlock = blockBytes >= sizes.sector && (blockBytes & (blockBytes - 1)) === 0;
  reader.check(isBlock, 'block size', `is ${blockBytes}, which is no power of two of sectors`);
  const entryCount = Math.ceil(sizeBytes / blockBytes);
  const most = found.u32(header.maxTableEntries);
  reader.check(most >= entryCount, 'block allocation table', `has ${most} entries, too few`);
  return {
    tableOffset: found.large(header.tableOffset),
    entryCount,
    blockBytes,
    parentId: found.part(header.parentUniqueId, 16),
    parentName: nameOf(found.part(header.parentUnicodeName, sizes.parentName)),
    locators: type === 'differencing' ? readLocators(reader, found) : [],
  };
}

function readLocators(reader: ImageReader, found: ImageStructure): VhdDynamicHeader['locators'] {
  return Array.from({ length: sizes.parentLocators }, (_, index) => {
    const at = header.parentLocators + index * sizes.parentLocator;
    const code = found.text(at, 4);
    const length = found.u32(at + 8);
    if (found.u32(at) === 0 || length === 0) return undefined;
    const field = `parent locator ${index}`;
    reader.check(length <= locatorBytesMaximum, field, `has ${length} bytes`);
    return { code, data: reader.read(field, found.large(at + 16), length).bytes };
  }).filter((locator) => locator !== undefined);
}

/** UTF-16, big-endian, up to the first zero. */
function nameOf(bytes: Uint8Array): string {
  let name = '';
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const unit = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (unit === 0) break;
    name += String.fromCharCode(unit);
  }
  return name;
}
