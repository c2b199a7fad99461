/** Limits of what one SCSI command may ask for. */

export const scsiLimits = {
  /** Bytes of one transfer that guests are told is best; more is done piece by piece. */
  transferBytes: 0x4_0000,
  /** Bytes of one UNMAP, and of one WRITE SAME; more is refused as an invalid field. */
  unmapBytes: 2 ** 31,
  unmapDescriptors: 256,
  writeSameBytes: 64 * 1024 * 1024,
  /** Commands of a controller that wait for their completion; further ones are told that it is busy. */
  outstandingCommands: 4096,
  /** Bytes of a parameter list of MODE SELECT that are looked at. */
  parameterListBytes: 256,
} as const;
