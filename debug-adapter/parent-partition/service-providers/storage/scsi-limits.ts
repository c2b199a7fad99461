/** Limits of what one SCSI command may ask for. */

export const scsiLimits = {
  /** Bytes of one transfer at most, as guests are told, and of the best one; a longer one is done all the same. */
  transferBytes: 0x10_0000,
  /** Bytes that are moved between an image and a guest at once. */
  pieceBytes: 0x4_0000,
  /** Bytes of one UNMAP, and of one WRITE SAME; more is refused as an invalid field. */
  unmapBytes: 2 ** 31,
  unmapDescriptors: 256,
  writeSameBytes: 64 * 1024 * 1024,
  /** Commands of a controller that wait for their completion; further ones are told that it is busy. */
  outstandingCommands: 4096,
  /** Bytes of a parameter list of MODE SELECT that are looked at. */
  parameterListBytes: 256,
} as const;
