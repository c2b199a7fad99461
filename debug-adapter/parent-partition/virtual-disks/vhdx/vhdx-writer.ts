/** Writes VHDX images: fixed and dynamic, with an empty log. */
import type { BlockSink } from '../../../backends/block-source';
import {
  VhdxBlockState,
  VhdxFileParameter,
  vhdxHeader as header,
  vhdxHeaderOffsets,
  vhdxMetadataEntry as item,
  VhdxMetadataFlag as flag,
  VhdxMetadataGuid as itemGuid,
  vhdxMetadataTable as metadataTable,
  vhdxRegion as region,
  VhdxRegionGuid as regionGuid,
  vhdxRegionTable as regionTable,
  vhdxRegionTableOffsets,
  VhdxSignature,
  vhdxSizes as sizes,
  vhdxVersion,
} from '../../../spec/disk-images/vhdx';
import { present } from '../../../support/assert';
import { parseGuid } from '../../../support/guid';
import { encodeUtf8 } from '../../../support/utf8';
import {
  blocksInUse,
  copyRange,
  derivedIdentity,
  type DiskContent,
  type ImagePlan,
  type Pieces,
} from '../disk-content';
import { chunkRatio } from './vhdx-image';
import { vhdxChecksum } from './vhdx-structures';

const creator = 'Hyperscope';
const blockBytes = 2 * sizes.megabyte;
const logOffset = sizes.megabyte;
const metadataOffset = 2 * sizes.megabyte;
const tableOffset = 3 * sizes.megabyte;
const entryStateBits = 20n;

const guid = (text: string): Uint8Array => present(parseGuid(text), 'GUID');

/** @throws UserError where the disk cannot be read */
export function* planVhdx(content: DiskContent, isDynamic: boolean): Pieces<ImagePlan> {
  const count = Math.ceil(content.sizeBytes / blockBytes);
  const ratio = chunkRatio(content.logicalSectorBytes, blockBytes);
  const entries = count + Math.ceil(count / ratio) - 1;
  const tableBytes = Math.ceil((entries * 8) / sizes.megabyte) * sizes.megabyte;
  const used = isDynamic
    ? yield* blocksInUse(content, blockBytes)
    : Array.from({ length: count }, (_, block) => block);
  const blocksOffset = tableOffset + tableBytes;
  const fill = function* (sink: BlockSink): Pieces {
    sink.write(0, identifier());
    const regions = makeRegionTable(tableBytes);
    for (const offset of vhdxRegionTableOffsets) sink.write(offset, regions);
    vhdxHeaderOffsets.forEach((offset, index) => sink.write(offset, makeHeader(content, index)));
    sink.write(metadataOffset, makeMetadata(content, isDynamic));
    const table = new DataView(new ArrayBuffer(entries * 8));
    for (const [index, block] of used.entries()) {
      const at = blocksOffset + index * blockBytes;
      const megabytes = BigInt(at / sizes.megabyte);
      const entry = (megabytes << entryStateBits) | BigInt(VhdxBlockState.fullyPresent);
      table.setBigUint64((block + Math.floor(block / ratio)) * 8, entry, true);
      const offset = block * blockBytes;
      yield* copyRange(content, offset, Math.min(blockBytes, content.sizeBytes - offset), sink, at);
    }
    sink.write(tableOffset, new Uint8Array(table.buffer));
  };
  return { sizeBytes: blocksOffset + used.length * blockBytes, fill };
}

function identifier(): Uint8Array {
  const bytes = new Uint8Array(VhdxSignature.file.length + sizes.creator);
  bytes.set(encodeUtf8(VhdxSignature.file));
  [...creator].forEach((letter, index) => {
    bytes[VhdxSignature.file.length + index * 2] = letter.charCodeAt(0);
  });
  return bytes;
}

/** The second header is the newer one. */
function makeHeader(content: DiskContent, index: number): Uint8Array {
  const bytes = new Uint8Array(sizes.header);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeUtf8(VhdxSignature.header));
  view.setBigUint64(header.sequenceNumber, BigInt(index + 1), true);
  bytes.set(derivedIdentity(content, 'file write'), header.fileWriteGuid);
  bytes.set(derivedIdentity(content, 'data write'), header.dataWriteGuid);
  view.setUint16(header.version, vhdxVersion, true);
  view.setUint32(header.logLength, sizes.megabyte, true);
  view.setBigUint64(header.logOffset, BigInt(logOffset), true);
  view.setUint32(header.checksum, vhdxChecksum(bytes, header.checksum), true);
  return bytes;
}

function makeRegionTable(tableBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizes.regionTable);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeUtf8(VhdxSignature.regionTable));
  const rows = [
    { id: regionGuid.blockAllocationTable, offset: tableOffset, length: tableBytes },
    { id: regionGuid.metadata, offset: metadataOffset, length: sizes.megabyte },
  ];
  view.setUint32(regionTable.entryCount, rows.length, true);
  rows.forEach(({ id, offset, length }, index) => {
    const at = regionTable.entries + index * sizes.tableEntry;
    bytes.set(guid(id), at + region.guid);
    view.setBigUint64(at + region.fileOffset, BigInt(offset), true);
    view.setUint32(at + region.length, length, true);
    view.setUint32(at + region.required, 1, true);
  });
  view.setUint32(regionTable.checksum, vhdxChecksum(bytes, regionTable.checksum), true);
  return bytes;
}

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function makeMetadata(content: DiskContent, isDynamic: boolean): Uint8Array {
  const { sizeBytes, logicalSectorBytes, physicalSectorBytes, identity } = content;
  const ofDisk = flag.isRequired | flag.isVirtualDisk;
  const parameters = words(blockBytes, isDynamic ? 0 : VhdxFileParameter.leaveBlocksAllocated);
  const size = words(sizeBytes % 2 ** 32, Math.floor(sizeBytes / 2 ** 32));
  const items: readonly (readonly [id: string, data: Uint8Array, flags: number])[] = [
    [itemGuid.fileParameters, parameters, flag.isRequired],
    [itemGuid.virtualDiskSize, size, ofDisk],
    [itemGuid.virtualDiskId, identity, ofDisk],
    [itemGuid.logicalSectorSize, words(logicalSectorBytes), ofDisk],
    [itemGuid.physicalSectorSize, words(physicalSectorBytes), ofDisk],
  ];
  const bytes = new Uint8Array(sizes.metadataTable + sizes.header);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeUtf8(VhdxSignature.metadata));
  view.setUint16(metadataTable.entryCount, items.length, true);
  let offset: number = sizes.metadataTable;
  items.forEach(([id, data, flags], index) => {
    const at = metadataTable.entries + index * sizes.tableEntry;
    bytes.set(guid(id), at + item.itemId);
    view.setUint32(at + item.offset, offset, true);
    view.setUint32(at + item.length, data.length, true);
    view.setUint32(at + item.flags, flags, true);
    bytes.set(data, offset);
    offset += data.length;
  });
  return bytes;
}
