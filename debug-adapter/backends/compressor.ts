/** The port that makes saved machines small; synchronous, and damaged data is an outcome, not an exception. */
import type { Unpacked } from './decompressor';

export interface Compressor {
  compress(bytes: Uint8Array): Uint8Array;
  /** @param limitBytes data that expands to more is refused with `failed` */
  expand(packed: Uint8Array, limitBytes: number): Unpacked;
}
