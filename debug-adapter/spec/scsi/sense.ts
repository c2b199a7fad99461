/** SCSI sense data (SPC-5 4.4): fixed format, keys, and additional sense codes with their qualifiers. */

/** Fixed format: offsets, and the response code of a current error. */
export const fixedSense = {
  sizeBytes: 18,
  responseCode: 0x70,
  key: 2,
  additionalLength: 7,
  additionalSenseCode: 12,
  additionalSenseCodeQualifier: 13,
} as const;

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
