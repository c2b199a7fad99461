/** SCSI sense data (SPC-5 4.4): fixed format, keys, and additional sense codes with their qualifiers. */
import { bit, bits } from '../../support/bit-field';
import { structField as f, structLayout, valueNames } from '../../support/struct-layout';

/** Fixed format: offsets, and the response code of a current error. */
export const fixedSense = {
  sizeBytes: 18,
  responseCode: 0x70,
  key: 2,
  additionalLength: 7,
  additionalSenseCode: 12,
  additionalSenseCodeQualifier: 13,
} as const;

/** SENSE KEY (SPC-5 table 28). */
export const SenseKey = {
  noSense: 0x0,
  recoveredError: 0x1,
  notReady: 0x2,
  mediumError: 0x3,
  hardwareError: 0x4,
  illegalRequest: 0x5,
  unitAttention: 0x6,
  dataProtect: 0x7,
  blankCheck: 0x8,
  vendorSpecific: 0x9,
  copyAborted: 0xa,
  abortedCommand: 0xb,
  volumeOverflow: 0xd,
  miscompare: 0xe,
  completed: 0xf,
} as const;

/** Sense data of fixed format (SPC-5 4.4.3). */
export const fixedSenseData = structLayout(
  'FixedSenseData',
  [
    f('ResponseCode', 'u8', 0, {
      kind: 'bits',
      bits: [
        bits(6, 0, 'Format', { 0x70: 'Current', 0x71: 'Deferred' }),
        bit(7, 'InformationValid'),
      ],
    }),
    f('SegmentNumber', 'u8', 1),
    f('SenseKeyByte', 'u8', fixedSense.key, {
      kind: 'bits',
      bits: [
        bits(3, 0, 'SenseKey', valueNames(SenseKey)),
        bit(5, 'IncorrectLengthIndicator'),
        bit(6, 'EndOfMedium'),
        bit(7, 'Filemark'),
      ],
    }),
    f('Information', { bytes: 4 }, 3, { kind: 'big-endian' }),
    f('AdditionalSenseLength', 'u8', fixedSense.additionalLength, { kind: 'count' }),
    f('CommandSpecificInformation', { bytes: 4 }, 8, { kind: 'big-endian' }),
    f('AdditionalSenseCode', 'u8', fixedSense.additionalSenseCode),
    f('AdditionalSenseCodeQualifier', 'u8', fixedSense.additionalSenseCodeQualifier),
    f('FieldReplaceableUnitCode', 'u8', 14),
    f('SenseKeySpecific', { bytes: 3 }, 15),
  ],
  fixedSense.sizeBytes,
);

/** What is said of an error: key, additional sense code and qualifier. */
export interface SenseCode {
  readonly key: number;
  readonly code: number;
  readonly qualifier: number;
}

const sense = (key: number, code: number, qualifier: number): SenseCode => ({
  key,
  code,
  qualifier,
});

/** By the names of SPC-5, annex F. */
export const Sense = {
  noAdditionalSenseInformation: sense(0x0, 0x00, 0x00),
  unrecoveredReadError: sense(0x3, 0x11, 0x00),
  writeError: sense(0x3, 0x0c, 0x00),
  parameterListLengthError: sense(0x5, 0x1a, 0x00),
  invalidCommandOperationCode: sense(0x5, 0x20, 0x00),
  logicalBlockAddressOutOfRange: sense(0x5, 0x21, 0x00),
  invalidFieldInCdb: sense(0x5, 0x24, 0x00),
  logicalUnitNotSupported: sense(0x5, 0x25, 0x00),
  invalidFieldInParameterList: sense(0x5, 0x26, 0x00),
  writeProtected: sense(0x7, 0x27, 0x00),
  spaceAllocationFailedWriteProtect: sense(0x7, 0x27, 0x07),
} as const;
