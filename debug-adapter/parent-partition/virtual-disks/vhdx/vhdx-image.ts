/** VHDX images: fixed, dynamic and differencing. */
import type { BlockSource } from '../../../backends/block-source';
import {
  VhdxBlockState as state,
  VhdxLocatorKey,
  vhdxSectorsPerBitmap,
  vhdxSizes as sizes,
} from '../../../spec/disk-images/vhdx';
import { present } from '../../../support/assert';
import { guidText, parseGuid } from '../../../support/guid';
import type { DiskExtent, DiskImage, ImageFileToOpen, OpenImage } from '../disk-image';
import { unsupportedImage } from '../image-error';
import { ImageReader } from '../image-reader';
import { openParent, parentMismatch } from '../parent-image';
import { equalSectors, isSectorPresent } from '../sector-bitmap';
import { replayVhdxLog } from './vhdx-log';
import {
  readVhdxHeader,
  readVhdxMetadata,
  readVhdxRegions,
  type VhdxMetadata,
  type VhdxRegion,
} from './vhdx-structures';

/** Bytes of a block allocation table that is kept in memory; a larger one is refused. */
const tableBytesMaximum = 128 * 1024 * 1024;
/** Pieces of bitmaps kept; they are read again where that is too few. */
const bitmapsMaximum = 64;
const order = 'least-significant-first';

/** Where the blocks of a disk are. */
interface VhdxBlocks {
  /** State of each payload block. */
  readonly states: Uint8Array;
  /** File offset of each payload block, in megabytes. */
  readonly megabytes: Float64Array;
  /** File offset of the bitmap block of each chunk, in megabytes; 0 where there is none. */
  readonly bitmaps: Float64Array;
}

/** Payload blocks that one bitmap block describes. */
export function chunkRatio(logicalSectorBytes: number, blockBytes: number): number {
  return (vhdxSectorsPerBitmap * logicalSectorBytes) / blockBytes;
}

/** A disk whose blocks are found by a table; sectors of one that is partially there by a bitmap. */
export class VhdxImage implements DiskImage {
  readonly format = 'vhdx';
  readonly sizeBytes: number;
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number;
  readonly identity: Uint8Array;
  readonly source: BlockSource;
  readonly path: string;
  private readonly bitmapParts = new Map<number, Uint8Array>();

  constructor(
    private readonly metadata: VhdxMetadata,
    file: ImageFileToOpen,
    readonly parent: DiskImage | undefined,
    private readonly blocks: VhdxBlocks,
    /** What a child must name to be based on this. */
    readonly dataWriteGuid: string,
  ) {
    this.source = file.source;
    this.path = file.path;
    this.sizeBytes = metadata.sizeBytes;
    this.logicalSectorBytes = metadata.logicalSectorBytes;
    this.physicalSectorBytes = metadata.physicalSectorBytes;
    this.identity = metadata.diskId;
  }

  extentAt(offset: number): DiskExtent | undefined {
    const { blockBytes } = this.metadata;
    const elsewhere = this.parent === undefined ? 'zero' : 'parent';
    const block = Math.floor(offset / blockBytes);
    const inBlock = offset % blockBytes;
    const lengthBytes = blockBytes - inBlock;
    const blockOffset = present(this.blocks.megabytes[block], 'block') * sizes.megabyte;
    switch (this.blocks.states[block]) {
      case state.fullyPresent:
        return { kind: 'file', fileOffset: blockOffset + inBlock, lengthBytes };
      case state.partiallyPresent:
        return this.partialExtentAt(offset, block, blockOffset);
      case state.notPresent:
        return { kind: elsewhere, lengthBytes };
      default:
        return { kind: 'zero', lengthBytes };
    }
  }

  private partialExtentAt(
    offset: number,
    block: number,
    blockOffset: number,
  ): DiskExtent | undefined {
    const { blockBytes, logicalSectorBytes } = this.metadata;
    const bitmap = this.bitmapOf(block);
    if (bitmap === undefined) return undefined;
    const inBlock = offset % blockBytes;
    const sector = Math.floor(inBlock / logicalSectorBytes);
    const count = equalSectors(bitmap, sector, blockBytes / logicalSectorBytes, order);
    const lengthBytes = count * logicalSectorBytes - (inBlock % logicalSectorBytes);
    if (!isSectorPresent(bitmap, sector, order)) return { kind: 'parent', lengthBytes };
    return { kind: 'file', fileOffset: blockOffset + inBlock, lengthBytes };
  }

  /** The part of a bitmap block that describes `block`. */
  private bitmapOf(block: number): Uint8Array | undefined {
    const known = this.bitmapParts.get(block);
    if (known !== undefined) return known;
    const { blockBytes, logicalSectorBytes } = this.metadata;
    const ratio = chunkRatio(logicalSectorBytes, blockBytes);
    const bitmapBlock = present(this.blocks.bitmaps[Math.floor(block / ratio)], 'bitmap block');
    const part = new Uint8Array(sizes.bitmapBlock / ratio);
    const at = bitmapBlock * sizes.megabyte + (block % ratio) * part.length;
    if (!this.source.read(at, part)) return undefined;
    if (this.bitmapParts.size >= bitmapsMaximum) this.bitmapParts.clear();
    this.bitmapParts.set(block, part);
    return part;
  }
}

/** @throws UserError where the file, or a parent, is damaged or not there */
export function openVhdxImage(unreplayed: ImageFileToOpen, openImage: OpenImage): DiskImage {
  const header = readVhdxHeader(unreplayed);
  const file = replayVhdxLog(unreplayed, header);
  const regions = readVhdxRegions(file);
  const metadata = readVhdxMetadata(file, regions.metadata);
  const blocks = readBlocks(file, regions.table, metadata);
  const parent = metadata.hasParent ? openVhdxParent(file, metadata, openImage) : undefined;
  return new VhdxImage(metadata, file, parent, blocks, header.dataWriteGuid);
}

function readBlocks(file: ImageFileToOpen, table: VhdxRegion, metadata: VhdxMetadata): VhdxBlocks {
  const { sizeBytes, blockBytes, logicalSectorBytes, hasParent } = metadata;
  const reader: ImageReader = new ImageReader(file, true);
  const field = 'block allocation table';
  const count = Math.ceil(sizeBytes / blockBytes);
  const ratio = chunkRatio(logicalSectorBytes, blockBytes);
  const chunks = Math.ceil(count / ratio);
  const entries = hasParent ? chunks * (ratio + 1) : count + chunks - 1;
  reader.check(entries * 8 <= table.length, field, `has no room for ${entries} entries`);
  if (entries * 8 > tableBytesMaximum) {
    throw unsupportedImage(file.path, `it has ${count} blocks, more than are handled here`);
  }
  const found = reader.read(field, table.offset, entries * 8);
  const blocks: VhdxBlocks = {
    states: new Uint8Array(count),
    megabytes: new Float64Array(count),
    bitmaps: new Float64Array(chunks),
  };
  const isInside = (megabytes: number, bytes: number): boolean =>
    megabytes >= 1 && megabytes * sizes.megabyte + bytes <= file.source.sizeBytes;
  for (let block = 0; block < count; block++) {
    const value = found.u64((block + Math.floor(block / ratio)) * 8);
    const kind = Number(value & 7n);
    const megabytes = Number(value >> 20n);
    const entry = `${field} entry ${block}`;
    reader.check(isState(kind, hasParent), entry, `has the state ${kind}`);
    if (kind === state.fullyPresent || kind === state.partiallyPresent) {
      reader.check(isInside(megabytes, blockBytes), entry, 'points outside the file');
    }
    blocks.states[block] = kind;
    blocks.megabytes[block] = megabytes;
  }
  if (hasParent) readBitmapPlaces();
  return blocks;

  function readBitmapPlaces(): void {
    for (let chunk = 0; chunk < chunks; chunk++) {
      const value = found.u64((chunk * (ratio + 1) + ratio) * 8);
      const megabytes = Number(value >> 20n);
      const states = blocks.states.subarray(chunk * ratio, (chunk + 1) * ratio);
      if (!states.includes(state.partiallyPresent)) continue;
      const isThere =
        Number(value & 7n) === state.fullyPresent && isInside(megabytes, sizes.bitmapBlock);
      reader.check(isThere, `sector bitmap ${chunk}`, 'is not there, or lies outside the file');
      blocks.bitmaps[chunk] = megabytes;
    }
  }
}

function isState(kind: number, hasParent: boolean): boolean {
  return kind === state.partiallyPresent
    ? hasParent
    : Object.values(state).some((known) => known === kind);
}

function openVhdxParent(
  file: ImageFileToOpen,
  { locator }: VhdxMetadata,
  openImage: OpenImage,
): DiskImage {
  const paths = [
    VhdxLocatorKey.relativePath,
    VhdxLocatorKey.volumePath,
    VhdxLocatorKey.absolutePath,
  ]
    .map((key) => locator.get(key))
    .filter((path) => path !== undefined);
  const parent = openParent(file, paths, openImage);
  const linkages = [VhdxLocatorKey.linkage, VhdxLocatorKey.linkage2].map((key) => {
    const guid = parseGuid(locator.get(key) ?? '');
    return guid && guidText(guid);
  });
  const isIt = parent instanceof VhdxImage && linkages.includes(parent.dataWriteGuid);
  if (!isIt) throw parentMismatch(file);
  return parent;
}
