/** The port that unpacks compressed kernels; unpacking is synchronous and reports, never throws. */

/** What can be unpacked: `lz4` is LZ4's legacy frame, the others are their usual containers. */
export type CompressionFormat = 'gzip' | 'lz4' | 'xz' | 'zstd';

/** Outcome of unpacking; `message` says what is wrong with the data, as part of a sentence. */
export type Unpacked =
  | { readonly kind: 'unpacked'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly message: string };

/** Unpacks whole byte strings. */
export interface Decompressor {
  /**
   * Unpacks the stream at the start of `packed`.
   * @param limitBytes a stream that unpacks to more is refused with `failed`
   */
  unpack(format: CompressionFormat, packed: Uint8Array, limitBytes: number): Unpacked;
}
