/** The VHDX format ([MS-VHDX]); every number in it is little-endian. */

/** Sizes and places ([MS-VHDX] 2.2). */
export const vhdxSizes = {
  /** Alignment of everything behind the headers. */
  megabyte: 1024 * 1024,
  fileIdentifier: 64 * 1024,
  header: 4 * 1024,
  regionTable: 64 * 1024,
  metadataTable: 64 * 1024,
  creator: 512,
  logSector: 4 * 1024,
  tableEntry: 32,
  tableEntriesMaximum: 2047,
  bitmapBlock: 1024 * 1024,
} as const;

export const vhdxHeaderOffsets = [64 * 1024, 128 * 1024] as const;
export const vhdxRegionTableOffsets = [192 * 1024, 256 * 1024] as const;

export const VhdxSignature = {
  file: 'vhdxfile',
  header: 'head',
  regionTable: 'regi',
  metadata: 'metadata',
  logEntry: 'loge',
  zeroDescriptor: 'zero',
  dataDescriptor: 'desc',
  dataSector: 'data',
} as const;

export const vhdxVersion = 1;
export const vhdxLogVersion = 0;

/** Header (2.2.2): offsets of its fields. */
export const vhdxHeader = {
  signature: 0,
  checksum: 4,
  sequenceNumber: 8,
  fileWriteGuid: 16,
  dataWriteGuid: 32,
  logGuid: 48,
  logVersion: 64,
  version: 66,
  logLength: 68,
  logOffset: 72,
} as const;

/** Region table header (2.2.3.1) and its size. */
export const vhdxRegionTable = { signature: 0, checksum: 4, entryCount: 8, entries: 16 } as const;

/** Region table entry (2.2.3.2). */
export const vhdxRegion = { guid: 0, fileOffset: 16, length: 24, required: 28 } as const;

export const VhdxRegionGuid = {
  blockAllocationTable: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
} as const;

/** Metadata table header (2.6.1.1). */
export const vhdxMetadataTable = { signature: 0, entryCount: 10, entries: 32 } as const;

/** Metadata table entry (2.6.1.2). */
export const vhdxMetadataEntry = { itemId: 0, offset: 16, length: 20, flags: 24 } as const;

export const VhdxMetadataFlag = { isUser: 1, isVirtualDisk: 2, isRequired: 4 } as const;

/** Known metadata items (2.6.2). */
export const VhdxMetadataGuid = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualDiskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  virtualDiskId: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSectorSize: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSectorSize: 'cda348c7-445d-4471-9cc9-e9885251c556',
  parentLocator: 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c',
} as const;

/** File parameters (2.6.2.1): bits of the second word. */
export const VhdxFileParameter = { leaveBlocksAllocated: 1, hasParent: 2 } as const;

/** Limits of the file parameters and of the disk. */
export const vhdxBlockSizeMinimum = 1024 * 1024;
export const vhdxBlockSizeMaximum = 256 * 1024 * 1024;
export const vhdxBlockSizeDefault = 32 * 1024 * 1024;
export const vhdxSizeMaximum = 64 * 1024 ** 4;
/** Sectors that a bitmap block describes. */
export const vhdxSectorsPerBitmap = 2 ** 23;

/** Parent locator (2.6.2.6): type, header and entries. */
export const vhdxParentLocatorType = 'b04aefb7-d19e-4a81-b789-25b8e9445913';
export const vhdxParentLocator = { type: 0, keyValueCount: 18, entries: 20 } as const;
export const vhdxLocatorEntry = {
  keyOffset: 0,
  valueOffset: 4,
  keyLength: 8,
  valueLength: 10,
  sizeBytes: 12,
} as const;
export const VhdxLocatorKey = {
  linkage: 'parent_linkage',
  linkage2: 'parent_linkage2',
  relativePath: 'relative_path',
  volumePath: 'volume_path',
  absolutePath: 'absolute_win32_path',
} as const;

/** States of a payload block (2.5.1.1); of a sector bitmap block only `notPresent` and `fullyPresent` (2.5.1.2). */
export const VhdxBlockState = {
  notPresent: 0,
  undefined: 1,
  zero: 2,
  unmapped: 3,
  /** What QEMU's driver of this format calls unmapped. */
  unmappedOfQemu: 5,
  fullyPresent: 6,
  partiallyPresent: 7,
} as const;

/** Log entry header (2.3.1.1). */
export const vhdxLogEntry = {
  signature: 0,
  checksum: 4,
  entryLength: 8,
  tail: 12,
  sequenceNumber: 16,
  descriptorCount: 24,
  logGuid: 32,
  flushedFileOffset: 48,
  lastFileOffset: 56,
  descriptors: 64,
} as const;

/** Log descriptors (2.3.1.2, 2.3.1.3): where a zero descriptor has its length, a data descriptor has leading bytes. */
export const vhdxLogDescriptor = {
  signature: 0,
  trailingBytes: 4,
  leadingBytesOrLength: 8,
  fileOffset: 16,
  sequenceNumber: 24,
  sizeBytes: 32,
} as const;

/** Log data sector (2.3.1.4). */
export const vhdxLogData = { signature: 0, sequenceHigh: 4, data: 8, sequenceLow: 4092 } as const;
