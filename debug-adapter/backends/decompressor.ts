/** The port that unpacks compressed kernels and RAM disks; unpacking is synchronous and reports, never throws. */

/** What can be unpacked: `lz4` is LZ4's legacy frame, the others are their usual containers. */
export type CompressionFormat = 'gzip' | 'lz4' | 'xz' | 'zstd';

/** Outcome of unpacking; `message` says what is wrong with the data, as part of a sentence. */
export type Unpacked =
  | { readonly kind: 'unpacked'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly message: string };

/** Whether somebody will want the same bytes again in this process. */
export type UnpackedUse = 'again' | 'once';

/** Unpacks whole byte strings. */
export interface Decompressor {
  /**
   * Unpacks the stream at the start of `packed`.
   * @param limitBytes a stream that unpacks to more is refused with `failed`
   * @param use `again` where it is absent
   */
  unpack(
    format: CompressionFormat,
    packed: Uint8Array,
    limitBytes: number,
    use?: UnpackedUse,
  ): Unpacked;

  /**
   * The same in order and by parts, for whoever needs each only once. A part is good until the next is asked for; a
   * failure is the last.
   * @returns undefined where the format is unpacked as a whole only
   */
  unpackByParts?(
    format: CompressionFormat,
    packed: Uint8Array,
    limitBytes: number,
  ): Iterable<Unpacked> | undefined;
}

/** Unpacks nothing twice: the loader and the symbol reader both want the kernel. */
export class RememberingDecompressor implements Decompressor {
  /** By the buffer that is unpacked: two guests may have files of one size. */
  private readonly known = new WeakMap<ArrayBufferLike, Map<string, Unpacked>>();

  constructor(private readonly inner: Decompressor) {}

  unpack(
    format: CompressionFormat,
    packed: Uint8Array,
    limitBytes: number,
    use: UnpackedUse = 'again',
  ): Unpacked {
    const ofBuffer = this.known.get(packed.buffer) ?? new Map<string, Unpacked>();
    const key = `${format} ${packed.byteOffset} ${packed.length} ${limitBytes}`;
    const outcome = ofBuffer.get(key) ?? this.inner.unpack(format, packed, limitBytes);
    if (use === 'once') return outcome;
    ofBuffer.set(key, outcome);
    this.known.set(packed.buffer, ofBuffer);
    return outcome;
  }

  /** Parts are gone when they have been taken: there is nothing to remember. */
  unpackByParts(
    format: CompressionFormat,
    packed: Uint8Array,
    limitBytes: number,
  ): Iterable<Unpacked> | undefined {
    return this.inner.unpackByParts?.(format, packed, limitBytes);
  }
}
