/** Writes VHD images: fixed and dynamic. */
import type { BlockSink } from '../../../backends/block-source';
import {
  vhdBlockSizeDefault,
  vhdDynamicHeader as header,
  vhdDynamicHeaderCookie,
  VhdDiskType,
  vhdFeaturesReserved,
  vhdFooter as footer,
  vhdFooterCookie,
  vhdGeometry as geometry,
  vhdNoOffset,
  vhdSizeMaximum,
  vhdSizes as sizes,
  vhdUnusedEntry,
  vhdVersion,
} from '../../../spec/disk-images/vhd';
import { UserError } from '../../../support/user-error';
import { encodeUtf8 } from '../../../support/utf8';
import {
  blocksInUse,
  copyRange,
  type DiskContent,
  type ImagePlan,
  type Pieces,
} from '../disk-content';
import { bitmapSizeBytes } from './vhd-image';
import { vhdChecksum } from './vhd-structures';

/** The creator by whose footers other programs take the size from its field, and not from the geometry. */
const creatorApplication = 'win ';
const creatorVersion = 0x000a_0000;
const creatorHostOs = 'Wi2k';

/** Cylinders, heads and sectors per track of a disk ("CHS calculation" of the specification's appendix). */
export function vhdGeometryOf(sizeBytes: number): readonly [number, number, number] {
  const { cylindersMaximum, headsMaximum, headsMinimum, cylindersOfBios } = geometry;
  const [small, middle, large] = geometry.sectorsPerTrack;
  const { sectorsPerTrackMaximum: most } = geometry;
  const sectors = Math.min(sizeBytes / sizes.sector, cylindersMaximum * headsMaximum * most);
  const tracks = (perTrack: number): number => Math.floor(sectors / perTrack);
  if (sectors >= cylindersMaximum * headsMaximum * large) {
    return [Math.floor(tracks(most) / headsMaximum), headsMaximum, most];
  }
  const few = tracks(small);
  const heads = Math.max(headsMinimum, Math.ceil(few / cylindersOfBios));
  if (few < heads * cylindersOfBios && heads <= headsMaximum) {
    return [Math.floor(few / heads), heads, small];
  }
  const isMiddle = tracks(middle) < headsMaximum * cylindersOfBios;
  const perTrack = isMiddle ? middle : large;
  return [Math.floor(tracks(perTrack) / headsMaximum), headsMaximum, perTrack];
}

function makeFooter({ sizeBytes, identity }: DiskContent, isDynamic: boolean): Uint8Array {
  const bytes = new Uint8Array(sizes.footer);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeUtf8(vhdFooterCookie));
  view.setUint32(footer.features, vhdFeaturesReserved);
  view.setUint32(footer.fileFormatVersion, vhdVersion);
  view.setBigUint64(footer.dataOffset, isDynamic ? BigInt(sizes.footer) : vhdNoOffset);
  bytes.set(encodeUtf8(creatorApplication), footer.creatorApplication);
  view.setUint32(footer.creatorVersion, creatorVersion);
  bytes.set(encodeUtf8(creatorHostOs), footer.creatorHostOs);
  view.setBigUint64(footer.originalSize, BigInt(sizeBytes));
  view.setBigUint64(footer.currentSize, BigInt(sizeBytes));
  const [cylinders, heads, sectorsPerTrack] = vhdGeometryOf(sizeBytes);
  view.setUint16(footer.cylinders, cylinders);
  view.setUint8(footer.heads, heads);
  view.setUint8(footer.sectorsPerTrack, sectorsPerTrack);
  view.setUint32(footer.diskType, isDynamic ? VhdDiskType.dynamic : VhdDiskType.fixed);
  bytes.set(identity, footer.uniqueId);
  view.setUint32(footer.checksum, vhdChecksum(bytes, footer.checksum));
  return bytes;
}

/** @throws UserError where the disk is larger than the format has them, or has other sectors */
export function* planVhd(content: DiskContent, isDynamic: boolean): Pieces<ImagePlan> {
  const { sizeBytes, logicalSectorBytes, path } = content;
  if (sizeBytes > vhdSizeMaximum || logicalSectorBytes !== sizes.sector) {
    throw new UserError(
      'disk-export-format',
      `The disk "${path}" cannot be written as VHD, which has disks of up to 2,040 GB with sectors of 512 bytes.`,
      'Write it as VHDX.',
    );
  }
  const last = makeFooter(content, isDynamic);
  if (isDynamic) return yield* planDynamic(content, last);
  return {
    sizeBytes: sizeBytes + sizes.footer,
    *fill(sink) {
      yield* copyRange(content, 0, sizeBytes, sink, 0);
      sink.write(sizeBytes, last);
    },
  };
}

function* planDynamic(content: DiskContent, last: Uint8Array): Pieces<ImagePlan> {
  const blockBytes = vhdBlockSizeDefault;
  const used = yield* blocksInUse(content, blockBytes);
  const entries = Math.ceil(content.sizeBytes / blockBytes);
  const tableOffset = sizes.footer + sizes.dynamicHeader;
  const tableBytes = Math.ceil((entries * 4) / sizes.sector) * sizes.sector;
  const bitmap = new Uint8Array(bitmapSizeBytes(blockBytes)).fill(0xff);
  const wholeBytes = bitmap.length + blockBytes;
  const blocksOffset = tableOffset + tableBytes;
  const end = blocksOffset + used.length * wholeBytes;
  const fill = function* (sink: BlockSink): Pieces {
    sink.write(0, last);
    sink.write(sizes.footer, makeHeader(tableOffset, entries, blockBytes));
    const table = new DataView(new ArrayBuffer(tableBytes));
    for (let at = 0; at < tableBytes; at += 4) table.setUint32(at, vhdUnusedEntry);
    for (const [index, block] of used.entries()) {
      const at = blocksOffset + index * wholeBytes;
      table.setUint32(block * 4, at / sizes.sector);
      sink.write(at, bitmap);
      const offset = block * blockBytes;
      const lengthBytes = Math.min(blockBytes, content.sizeBytes - offset);
      yield* copyRange(content, offset, lengthBytes, sink, at + bitmap.length);
    }
    sink.write(tableOffset, new Uint8Array(table.buffer));
    sink.write(end, last);
  };
  return { sizeBytes: end + sizes.footer, fill };
}

function makeHeader(tableOffset: number, entries: number, blockBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizes.dynamicHeader);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeUtf8(vhdDynamicHeaderCookie));
  view.setBigUint64(header.dataOffset, vhdNoOffset);
  view.setBigUint64(header.tableOffset, BigInt(tableOffset));
  view.setUint32(header.headerVersion, vhdVersion);
  view.setUint32(header.maxTableEntries, entries);
  view.setUint32(header.blockSize, blockBytes);
  view.setUint32(header.checksum, vhdChecksum(bytes, header.checksum));
  return bytes;
}
