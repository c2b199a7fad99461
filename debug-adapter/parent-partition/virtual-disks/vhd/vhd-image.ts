/** VHD images: fixed, dynamic and differencing. */
import type { BlockSource } from '../../../backends/block-source';
import { VhdPlatformCode, vhdSizes as sizes, vhdUnusedEntry } from '../../../spec/disk-images/vhd';
import { present } from '../../../support/assert';
import { equalBytes } from '../../../support/equal-bytes';
import { decodeUtf8 } from '../../../support/utf8';
import type { DiskExtent, DiskImage, ImageFileToOpen, OpenImage } from '../disk-image';
import { ImageReader } from '../image-reader';
import { openParent, parentMismatch, utf16Text } from '../parent-image';
import { equalSectors, isSectorPresent } from '../sector-bitmap';
import {
  readVhdDynamicHeader,
  readVhdFooter,
  type VhdDynamicHeader,
  type VhdFooter,
} from './vhd-structures';

/** Bitmaps kept; they are read again where that is too few. */
const bitmapsMaximum = 4096;
const order = 'most-significant-first';

/** What is common to all. */
abstract class VhdImage implements DiskImage {
  readonly format = 'vhd';
  readonly logicalSectorBytes = sizes.sector;
  readonly physicalSectorBytes = sizes.sector;
  readonly sizeBytes: number;
  readonly identity: Uint8Array;
  readonly source: BlockSource;
  readonly path: string;

  constructor(
    footer: VhdFooter,
    file: ImageFileToOpen,
    readonly parent: DiskImage | undefined,
  ) {
    this.source = file.source;
    this.path = file.path;
    this.sizeBytes = footer.sizeBytes;
    this.identity = footer.uniqueId;
  }

  abstract extentAt(offset: number): DiskExtent | undefined;
}

class FixedVhdImage extends VhdImage {
  extentAt(offset: number): DiskExtent {
    return { kind: 'file', fileOffset: offset, lengthBytes: this.sizeBytes - offset };
  }
}

/** Blocks come in the order in which they were first written; each begins with a bitmap of its sectors. */
class DynamicVhdImage extends VhdImage {
  private readonly bitmaps = new Map<number, Uint8Array>();

  constructor(
    footer: VhdFooter,
    file: ImageFileToOpen,
    parent: DiskImage | undefined,
    private readonly blockBytes: number,
    /** File offsets of the blocks, -1 for those that are not there. */
    private readonly blocks: Float64Array,
  ) {
    super(footer, file, parent);
  }

  extentAt(offset: number): DiskExtent | undefined {
    const elsewhere = this.parent === undefined ? 'zero' : 'parent';
    const block = Math.floor(offset / this.blockBytes);
    const inBlock = offset % this.blockBytes;
    const blockOffset = present(this.blocks[block], 'block of a disk');
    if (blockOffset < 0) return { kind: elsewhere, lengthBytes: this.blockBytes - inBlock };
    const bitmap = this.bitmapOf(block, blockOffset);
    if (bitmap === undefined) return undefined;
    const sector = Math.floor(inBlock / sizes.sector);
    const count = equalSectors(bitmap, sector, this.blockBytes / sizes.sector, order);
    const lengthBytes = count * sizes.sector - (inBlock % sizes.sector);
    if (!isSectorPresent(bitmap, sector, order)) return { kind: elsewhere, lengthBytes };
    const fileOffset = blockOffset + bitmapSizeBytes(this.blockBytes) + inBlock;
    return { kind: 'file', fileOffset, lengthBytes };
  }

  private bitmapOf(block: number, blockOffset: number): Uint8Array | undefined {
    const known = this.bitmaps.get(block);
    if (known !== undefined) return known;
    const bitmap = new Uint8Array(bitmapSizeBytes(this.blockBytes));
    if (!this.source.read(blockOffset, bitmap)) return undefined;
    if (this.bitmaps.size >= bitmapsMaximum) this.bitmaps.clear();
    this.bitmaps.set(block, bitmap);
    return bitmap;
  }
}

/** Bytes of the bitmap in front of each block: whole sectors. */
export function bitmapSizeBytes(blockBytes: number): number {
  const bytes = Math.ceil(blockBytes / sizes.sector / 8);
  return Math.ceil(bytes / sizes.sector) * sizes.sector;
}

/**
 * Opens a file whose footer is at `footerOffset`.
 * @throws UserError where it, or a parent, is damaged or not there
 */
export function openVhdImage(
  file: ImageFileToOpen,
  footerOffset: number,
  openImage: OpenImage,
): DiskImage {
  const footer = readVhdFooter(file, footerOffset);
  if (footer.type === 'fixed') return new FixedVhdImage(footer, file, undefined);
  const header = readVhdDynamicHeader(file, footer);
  const blocks = readBlocks(file, header);
  const parent =
    footer.type === 'differencing' ? openVhdParent(file, header, openImage) : undefined;
  return new DynamicVhdImage(footer, file, parent, header.blockBytes, blocks);
}

function readBlocks(
  file: ImageFileToOpen,
  { tableOffset, entryCount, blockBytes }: VhdDynamicHeader,
): Float64Array {
  const reader: ImageReader = new ImageReader(file, false);
  const table = reader.read('block allocation table', tableOffset, entryCount * 4);
  const wholeBytes = bitmapSizeBytes(blockBytes) + blockBytes;
  const blocks = Float64Array.from({ length: entryCount }, (_, block) => {
    const sector = table.u32(block * 4);
    if (sector === vhdUnusedEntry) return -1;
    const offset = sector * sizes.sector;
    const isInside = offset + wholeBytes <= file.source.sizeBytes;
    const field = `block allocation table entry ${block}`;
    reader.check(isInside, field, 'points outside the file');
    return offset;
  });
  checkApart(reader, blocks, wholeBytes);
  return blocks;
}

/** Two blocks in one place would change together. */
function checkApart(reader: ImageReader, blocks: Float64Array, wholeBytes: number): void {
  const sorted = blocks.filter((offset) => offset >= 0).sort();
  for (let index = 1; index < sorted.length; index++) {
    const gap = present(sorted[index], 'block') - present(sorted[index - 1], 'block');
    reader.check(gap >= wholeBytes, 'block allocation table', 'has blocks that overlap');
  }
}

function openVhdParent(
  file: ImageFileToOpen,
  { parentId, parentName, locators }: VhdDynamicHeader,
  openImage: OpenImage,
): DiskImage {
  const paths = locators.flatMap(({ code, data }) => {
    if (code === VhdPlatformCode.url) return decodeUtf8(data).replace(/^file:\/\/(localhost)?/, '');
    const isPath = code === VhdPlatformCode.relative || code === VhdPlatformCode.absolute;
    return isPath ? utf16Text(data) : [];
  });
  const parent = openParent(file, parentName === '' ? paths : [...paths, parentName], openImage);
  if (!equalBytes(parent.identity, parentId)) throw parentMismatch(file);
  return parent;
}
