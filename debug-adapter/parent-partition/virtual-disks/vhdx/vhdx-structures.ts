/** Headers, regions and metadata of a VHDX, read and checked. */
import {
  vhdxBlockSizeMaximum,
  vhdxBlockSizeMinimum,
  VhdxFileParameter,
  vhdxHeader as header,
  vhdxHeaderOffsets,
  vhdxLocatorEntry as locatorEntry,
  vhdxMetadataEntry as item,
  VhdxMetadataFlag,
  VhdxMetadataGuid,
  vhdxMetadataTable as metadataTable,
  vhdxParentLocator as parentLocator,
  vhdxParentLocatorType,
  vhdxRegion as region,
  VhdxRegionGuid,
  vhdxRegionTable as regionTable,
  vhdxRegionTableOffsets,
  VhdxSignature,
  vhdxSizeMaximum,
  vhdxSizes as sizes,
  vhdxVersion,
} from '../../../spec/disk-images/vhdx';
import { crc32c } from '../../../support/crc32c';
import { guidText } from '../../../support/guid';
import type { ImageFileToOpen } from '../disk-image';
import { unsupportedImage } from '../image-error';
import { ImageReader, type ImageStructure } from '../image-reader';
import { utf16Text } from '../parent-image';

/** What the current header says. */
export interface VhdxHeader {
  readonly sequenceNumber: bigint;
  readonly dataWriteGuid: string;
  readonly logGuid: string;
  readonly logVersion: number;
  readonly logOffset: number;
  readonly logLength: number;
}

/** A region of the file. */
export interface VhdxRegion {
  readonly offset: number;
  readonly length: number;
}

/** What the metadata say. */
export interface VhdxMetadata {
  readonly blockBytes: number;
  readonly hasParent: boolean;
  readonly sizeBytes: number;
  readonly diskId: Uint8Array;
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number;
  /** Keys and values of the parent locator. */
  readonly locator: ReadonlyMap<string, string>;
}

/** The checksum of a structure whose checksum field is at `offset`. */
export function vhdxChecksum(bytes: Uint8Array, offset: number): number {
  const copy = bytes.slice();
  copy.fill(0, offset, offset + 4);
  return crc32c(copy);
}

/** True where the file says that it is a VHDX. */
export function isVhdx({ source }: ImageFileToOpen): boolean {
  const signature = new Uint8Array(VhdxSignature.file.length);
  return source.read(0, signature) && String.fromCharCode(...signature) === VhdxSignature.file;
}

/** @throws UserError where neither header is valid */
export function readVhdxHeader(file: ImageFileToOpen): VhdxHeader {
  const reader: ImageReader = new ImageReader(file, true);
  const valid = vhdxHeaderOffsets
    .map((offset) => reader.read('header', offset, sizes.header))
    .filter(
      (found) =>
        found.text(header.signature, 4) === VhdxSignature.header &&
        found.u32(header.checksum) === vhdxChecksum(found.bytes, header.checksum),
    )
    .sort((a, b) => (a.u64(header.sequenceNumber) < b.u64(header.sequenceNumber) ? 1 : -1));
  const [current] = valid;
  reader.check(current !== undefined, 'header', 'has a wrong checksum, and so has its copy');
  const version = current.u16(header.version);
  reader.check(version === vhdxVersion, 'header', `is of version ${version}`);
  return {
    sequenceNumber: current.u64(header.sequenceNumber),
    dataWriteGuid: guidText(current.bytes, header.dataWriteGuid),
    logGuid: guidText(current.bytes, header.logGuid),
    logVersion: current.u16(header.logVersion),
    logOffset: current.large(header.logOffset),
    logLength: current.u32(header.logLength),
  };
}

/**
 * Where the block allocation table and the metadata are.
 * @throws UserError where no region table is valid, or one has a region that must be understood and is not
 */
export function readVhdxRegions(file: ImageFileToOpen): {
  readonly table: VhdxRegion;
  readonly metadata: VhdxRegion;
} {
  const reader: ImageReader = new ImageReader(file, true);
  const found = vhdxRegionTableOffsets
    .map((offset) => reader.read('region table', offset, sizes.regionTable))
    .find(
      (candidate) =>
        candidate.text(regionTable.signature, 4) === VhdxSignature.regionTable &&
        candidate.u32(regionTable.checksum) === vhdxChecksum(candidate.bytes, regionTable.checksum),
    );
  reader.check(found !== undefined, 'region table', 'has a wrong checksum, and so has its copy');
  const count = found.u32(regionTable.entryCount);
  reader.check(count <= sizes.tableEntriesMaximum, 'region table', `has ${count} entries`);
  const regions = new Map<string, VhdxRegion>();
  for (let index = 0; index < count; index++) {
    const at = regionTable.entries + index * sizes.tableEntry;
    const guid = guidText(found.bytes, at + region.guid);
    const known = Object.values(VhdxRegionGuid).some((each) => each === guid);
    if (!known) {
      if ((found.u32(at + region.required) & 1) === 0) continue;
      throw unsupportedImage(file.path, `it needs a region ${guid}, which is not known here`);
    }
    const offset = found.large(at + region.fileOffset);
    const length = found.u32(at + region.length);
    const isInside =
      offset >= sizes.megabyte &&
      offset % sizes.megabyte === 0 &&
      offset + length <= file.source.sizeBytes;
    reader.check(isInside, `region ${guid}`, 'lies outside the file, or not on a megabyte');
    reader.check(!regions.has(guid), `region ${guid}`, 'is there twice');
    regions.set(guid, { offset, length });
  }
  const table = regions.get(VhdxRegionGuid.blockAllocationTable);
  const metadata = regions.get(VhdxRegionGuid.metadata);
  reader.check(table !== undefined, 'region table', 'has no block allocation table');
  reader.check(metadata !== undefined, 'region table', 'has no metadata');
  return { table, metadata };
}

/** @throws UserError where metadata are damaged, missing, or of a kind that must be understood and is not */
export function readVhdxMetadata(
  file: ImageFileToOpen,
  { offset, length }: VhdxRegion,
): VhdxMetadata {
  const reader: ImageReader = new ImageReader(file, true);
  const table = reader.read('metadata table', offset, sizes.metadataTable);
  const isTable = table.text(metadataTable.signature, 8) === VhdxSignature.metadata;
  reader.check(isTable, 'metadata table', 'is not where the region table says');
  const count = table.u16(metadataTable.entryCount);
  reader.check(count <= sizes.tableEntriesMaximum, 'metadata table', `has ${count} entries`);
  const items = new Map<string, ImageStructure>();
  for (let index = 0; index < count; index++) {
    const at = metadataTable.entries + index * sizes.tableEntry;
    const guid = guidText(table.bytes, at + item.itemId);
    const [from, bytes] = [table.u32(at + item.offset), table.u32(at + item.length)];
    const known = Object.values(VhdxMetadataGuid).some((each) => each === guid);
    if (!known) {
      if ((table.u32(at + item.flags) & VhdxMetadataFlag.isRequired) === 0) continue;
      throw unsupportedImage(file.path, `it needs metadata ${guid}, which are not known here`);
    }
    const field = `metadata item ${guid}`;
    const isInside = from >= sizes.metadataTable && from + bytes <= length;
    reader.check(isInside, field, 'lies outside the metadata');
    reader.check(!items.has(guid), field, 'is there twice');
    items.set(guid, reader.read(field, offset + from, bytes));
  }
  return checkMetadata(reader, items);
}

function checkMetadata(
  reader: ImageReader,
  items: ReadonlyMap<string, ImageStructure>,
): VhdxMetadata {
  const itemOf = (guid: string, what: string, bytes: number): ImageStructure => {
    const found = items.get(guid);
    reader.check(found !== undefined, what, 'is not there');
    reader.check(found.bytes.length >= bytes, what, `has ${found.bytes.length} bytes`);
    return found;
  };
  const sectorSize = (guid: string, what: string): number => {
    const bytes = itemOf(guid, what, 4).u32(0);
    reader.check(bytes === 512 || bytes === 4096, what, `is ${bytes}`);
    return bytes;
  };
  const parameters = itemOf(VhdxMetadataGuid.fileParameters, 'file parameters', 8);
  const blockBytes = parameters.u32(0);
  const isBlock =
    blockBytes >= vhdxBlockSizeMinimum &&
    blockBytes <= vhdxBlockSizeMaximum &&
    (blockBytes & (blockBytes - 1)) === 0;
  reader.check(isBlock, 'block size', `is ${blockBytes}, no power of two from 1 to 256 MiB`);
  const logicalSectorBytes = sectorSize(VhdxMetadataGuid.logicalSectorSize, 'logical sector size');
  const sizeBytes = itemOf(VhdxMetadataGuid.virtualDiskSize, 'virtual disk size', 8).large(0);
  const isSize =
    sizeBytes > 0 && sizeBytes <= vhdxSizeMaximum && sizeBytes % logicalSectorBytes === 0;
  reader.check(isSize, 'virtual disk size', `is ${sizeBytes}, not sectors of up to 64 TB`);
  const hasParent = (parameters.u32(4) & VhdxFileParameter.hasParent) !== 0;
  return {
    blockBytes,
    hasParent,
    sizeBytes,
    logicalSectorBytes,
    physicalSectorBytes: sectorSize(VhdxMetadataGuid.physicalSectorSize, 'physical sector size'),
    diskId: itemOf(VhdxMetadataGuid.virtualDiskId, 'virtual disk id', 16).part(0, 16),
    locator: hasParent
      ? readLocator(reader, itemOf(VhdxMetadataGuid.parentLocator, 'parent locator', 20))
      : new Map(),
  };
}

function readLocator(reader: ImageReader, found: ImageStructure): ReadonlyMap<string, string> {
  const what = 'parent locator';
  const type = guidText(found.bytes, parentLocator.type);
  reader.check(type === vhdxParentLocatorType, what, `is of type ${type}`);
  const count = found.u16(parentLocator.keyValueCount);
  const end = parentLocator.entries + count * locatorEntry.sizeBytes;
  reader.check(end <= found.bytes.length, what, `has ${count} entries, more than fit`);
  const values = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const at = parentLocator.entries + index * locatorEntry.sizeBytes;
    const text = (offset: number, length: number): string => {
      reader.check(offset + length <= found.bytes.length, what, 'has an entry that ends outside');
      return utf16Text(found.part(offset, length));
    };
    values.set(
      text(found.u32(at + locatorEntry.keyOffset), found.u16(at + locatorEntry.keyLength)),
      text(found.u32(at + locatorEntry.valueOffset), found.u16(at + locatorEntry.valueLength)),
    );
  }
  return values;
}
