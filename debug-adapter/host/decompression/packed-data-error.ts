/** What is wrong with compressed data, as part of a sentence; never leaves the decompressor. */
export class PackedDataError extends Error {
  override readonly name = 'PackedDataError';
}
