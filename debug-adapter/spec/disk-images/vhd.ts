/** The VHD format (Virtual Hard Disk Image Format Specification 1.0, 2006); every number in it is big-endian. */

/** Sizes of the structures and of a sector. */
export const vhdSizes = {
  sector: 512,
  footer: 512,
  dynamicHeader: 1024,
  parentName: 512,
  parentLocators: 8,
  parentLocator: 24,
} as const;

/** Hard disk footer: offsets of its fields. */
export const vhdFooter = {
  cookie: 0,
  features: 8,
  fileFormatVersion: 12,
  dataOffset: 16,
  timeStamp: 24,
  creatorApplication: 28,
  creatorVersion: 32,
  creatorHostOs: 36,
  originalSize: 40,
  currentSize: 48,
  cylinders: 56,
  heads: 58,
  sectorsPerTrack: 59,
  diskType: 60,
  checksum: 64,
  uniqueId: 68,
  savedState: 84,
} as const;

/** Dynamic disk header: offsets of its fields. */
export const vhdDynamicHeader = {
  cookie: 0,
  dataOffset: 8,
  tableOffset: 16,
  headerVersion: 24,
  maxTableEntries: 28,
  blockSize: 32,
  checksum: 36,
  parentUniqueId: 40,
  parentTimeStamp: 56,
  parentUnicodeName: 64,
  parentLocators: 576,
} as const;

/** Parent locator entry: offsets of its fields. */
export const vhdParentLocator = {
  platformCode: 0,
  platformDataSpace: 4,
  platformDataLength: 8,
  platformDataOffset: 16,
} as const;

export const vhdFooterCookie = 'conectix';
export const vhdDynamicHeaderCookie = 'cxsparse';
export const vhdVersion = 0x0001_0000;
/** The bit that is always set. */
export const vhdFeaturesReserved = 2;
/** Data offset where there is none. */
export const vhdNoOffset = 0xffff_ffff_ffff_ffffn;

export const VhdDiskType = { fixed: 2, dynamic: 3, differencing: 4 } as const;

/** Entry of the block allocation table for a block that is not in the file. */
export const vhdUnusedEntry = 0xffff_ffff;

/** Block size that the specification proposes. */
export const vhdBlockSizeDefault = 2 * 1024 * 1024;

/** Platform codes of parent locators: relative and absolute paths of Windows in UTF-16, little-endian; a URL in UTF-8. */
export const VhdPlatformCode = { relative: 'W2ru', absolute: 'W2ku', url: 'MacX' } as const;

/** Largest disk: 2,040 GB. */
export const vhdSizeMaximum = 2040 * 1024 ** 3;

/** Geometry by which the appendix "CHS calculation" describes disks. */
export const vhdGeometry = {
  cylindersMaximum: 65_535,
  headsMaximum: 16,
  headsMinimum: 4,
  sectorsPerTrackMaximum: 255,
  /** Tried in this order for disks of up to 65,535 × 16 × 63 sectors. */
  sectorsPerTrack: [17, 31, 63],
  cylindersOfBios: 1024,
} as const;
