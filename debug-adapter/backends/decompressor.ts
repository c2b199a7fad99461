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

/** Unpacks nothing twice: the loader and the symbol reader both want the kernel. */
export class RememberingDecompressor implements Decompressor {
  private readonly known = new Map<string, Unpacked>();

  constructor(private readonly inner: Decompressor) {}

  unpack(format: CompressionFormat, packed: Uint8Array, limitBytes: number): Unpacked {
    const key = `${format} ${packed.byteOffset} ${packed.length} ${limitBytes}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const outcome = this.inner.unpack(format, packed, limitBytes);
    this.known.set(key, outcome);
    return outcome;
  }
}
