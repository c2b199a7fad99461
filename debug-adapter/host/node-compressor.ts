/** Compresses with the deflate of Node's zlib. */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Compressor } from '../backends/compressor';

/** The compressor of this computer. RAM is full of short repetitions: the fastest level does most of the work. */
export const nodeCompressor: Compressor = {
  compress: (bytes) => new Uint8Array(deflateRawSync(bytes, { level: constants.Z_BEST_SPEED })),
  expand: (packed, limitBytes) => {
    try {
      const maxOutputLength = Math.max(1, limitBytes);
      return {
        kind: 'unpacked',
        bytes: new Uint8Array(inflateRawSync(packed, { maxOutputLength })),
      };
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  },
};
