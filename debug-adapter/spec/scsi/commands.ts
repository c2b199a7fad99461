/** SCSI commands of block devices (SPC-5, SBC-4): operation codes, and where their fields are. */

/** Operation codes that a guest is answered with more than "no such command". */
export const ScsiOperation = {
  testUnitReady: 0x00,
  requestSense: 0x03,
  read6: 0x08,
  write6: 0x0a,
  inquiry: 0x12,
  modeSelect6: 0x15,
  reserve6: 0x16,
  release6: 0x17,
  modeSense6: 0x1a,
  startStopUnit: 0x1b,
  sendDiagnostic: 0x1d,
  preventAllowMediumRemoval: 0x1e,
  readCapacity10: 0x25,
  read10: 0x28,
  write10: 0x2a,
  writeAndVerify10: 0x2e,
  verify10: 0x2f,
  synchronizeCache10: 0x35,
  writeSame10: 0x41,
  unmap: 0x42,
  modeSelect10: 0x55,
  modeSense10: 0x5a,
  read16: 0x88,
  write16: 0x8a,
  writeAndVerify16: 0x8e,
  verify16: 0x8f,
  synchronizeCache16: 0x91,
  writeSame16: 0x93,
  serviceActionIn16: 0x9e,
  reportLuns: 0xa0,
  read12: 0xa8,
  write12: 0xaa,
  writeAndVerify12: 0xae,
  verify12: 0xaf,
} as const;

/** SERVICE ACTION IN(16). */
export const ScsiServiceAction = { readCapacity16: 0x10 } as const;

/** Bits of command descriptor blocks, each of its byte. */
export const scsiCommandBit = {
  /** INQUIRY, byte 1: a page of vital product data. */
  enableVitalProductData: 0x01,
  /** MODE SENSE, byte 1. */
  disableBlockDescriptors: 0x08,
  /** WRITE SAME, byte 1. */
  unmap: 0x08,
  /** WRITE SAME(16), byte 1: there is no data; zeros are meant. */
  noDataOut: 0x01,
  /** VERIFY, byte 1: BYTCHK, to compare with data that follow. */
  byteCheck: 0x06,
} as const;

/** PAGE CONTROL of MODE SENSE, byte 2. */
export const ModePageControl = { current: 0, changeable: 1, default: 2, saved: 3 } as const;

/** Mode pages. */
export const ModePage = { caching: 0x08, all: 0x3f } as const;

/** Caching mode page (SBC-4 6.5.6): bytes behind its header of two, and bits of byte 2. */
export const cachingModePage = { lengthBytes: 0x12, writeCacheEnable: 0x04 } as const;

/** DEVICE-SPECIFIC PARAMETER of block devices. */
export const modeDeviceSpecific = { writeProtect: 0x80, dpoFua: 0x10 } as const;

/** Vital product data pages. */
export const VitalProductDataPage = {
  supportedPages: 0x00,
  unitSerialNumber: 0x80,
  deviceIdentification: 0x83,
  blockLimits: 0xb0,
  blockDeviceCharacteristics: 0xb1,
  logicalBlockProvisioning: 0xb2,
} as const;

/** Standard INQUIRY data. */
export const inquiryData = {
  /** PERIPHERAL QUALIFIER 3 and type 1Fh: no device is possible here. */
  noDevice: 0x7f,
  versionSpc3: 5,
  responseDataFormat: 2,
  commandQueueing: 0x02,
} as const;

/** READ CAPACITY(16) data, byte 14. */
export const provisioningBits = { managed: 0x80, readsZeros: 0x40 } as const;

/** Logical block provisioning page, bytes 5 and 6. */
export const provisioningPage = {
  unmap: 0x80,
  writeSame16Unmaps: 0x40,
  writeSame10Unmaps: 0x20,
  readsZeros: 0x04,
  thin: 2,
} as const;

/** MEDIUM ROTATION RATE of a device that does not rotate. */
export const rotationRateNone = 1;

/** Block limits page: the bit that says that an alignment is given. */
export const unmapAlignmentValid = 0x8000_0000;
