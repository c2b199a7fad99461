/**
 * Keeps unpacked kernels on disk under the hash of what they were packed as, so that none is unpacked at every start;
 * except those in a format that unpacks faster than a file is read and checked.
 */
import { createHash } from 'node:crypto';
import type { CompressionFormat, Decompressor, Unpacked } from '../backends/decompressor';
import { KeptFiles, type KeptLimits } from './kept-files';

/** How much is kept; what was used least recently goes first. */
export interface CacheLimits extends KeptLimits {
  /** What is shorter unpacks faster than a file is found. */
  readonly worthwhileBytes: number;
}

const usualLimits: CacheLimits = {
  files: 8,
  bytes: 512 * 1024 * 1024,
  worthwhileBytes: 1024 * 1024,
};

/** Unpacked in less time than it takes to read what has been unpacked, and to check it. */
const fastFormats: ReadonlySet<CompressionFormat> = new Set(['lz4']);

/** Asks the folder before it unpacks. Whatever is wrong with the folder, the outcome is as without it. */
export class CachingDecompressor implements Decompressor {
  private readonly files: KeptFiles;

  constructor(
    private readonly inner: Decompressor,
    folder: string,
    private readonly limits: CacheLimits = usualLimits,
  ) {
    this.files = new KeptFiles(folder, '.unpacked', limits);
  }

  unpack(format: CompressionFormat, packed: Uint8Array, limitBytes: number): Unpacked {
    if (fastFormats.has(format) || packed.length < this.limits.worthwhileBytes) {
      return this.inner.unpack(format, packed, limitBytes);
    }
    const name = `${format}-${createHash('sha256').update(packed).digest('hex')}`;
    const kept = this.files.read(name);
    if (kept !== undefined && kept.length <= limitBytes) return { kind: 'unpacked', bytes: kept };
    const outcome = this.inner.unpack(format, packed, limitBytes);
    if (outcome.kind === 'unpacked') this.files.write(name, [outcome.bytes]);
    return outcome;
  }

  /** Only of what is not kept: files are read as a whole. */
  unpackByParts(
    format: CompressionFormat,
    packed: Uint8Array,
    limitBytes: number,
  ): Iterable<Unpacked> | undefined {
    return fastFormats.has(format)
      ? this.inner.unpackByParts?.(format, packed, limitBytes)
      : undefined;
  }
}
