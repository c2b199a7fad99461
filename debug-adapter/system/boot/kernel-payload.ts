/** Unpacks the kernel inside a bzImage, as the code in front of it would. */
import type { CompressionFormat, Decompressor } from '../../backends/decompressor';
import { payloadMagic } from '../../spec/linux-boot';
import { limits } from '../limits';
import type { ImageFile } from '../machine-configuration';
import type { BzImage } from './bz-image';
import { imageError, truncatedImage } from './image-error';

const letGuestHint = 'Set "unpack" to "guest" to let the kernel unpack itself.';

const sizeWordBytes = 4;

/** True for what a {@link Decompressor} unpacks. */
export function isUnpackable(format: string): format is CompressionFormat {
  return format === 'gzip' || format === 'lz4' || format === 'xz' || format === 'zstd';
}

/** Name of the format that the bytes begin with. */
export function compressionOf(bytes: Uint8Array): keyof typeof payloadMagic | undefined {
  const formats = Object.entries(payloadMagic).filter(([, magic]) =>
    magic.every((byte, index) => bytes[index] === byte),
  );
  // The keys of the table are the names of the formats.
  return formats[0]?.[0] as keyof typeof payloadMagic | undefined;
}

/** The size of the unpacked kernel ends the payload: gzip's own ISIZE, appended to the others. */
function unpackedBytes(payload: Uint8Array): number {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return view.getUint32(payload.length - sizeWordBytes, true);
}

/**
 * The vmlinux inside a bzImage, followed by its relocation table where it has one.
 * @throws UserError `image-…` where it cannot be unpacked
 */
export function unpackKernel(
  image: ImageFile,
  { payload }: BzImage,
  decompressor: Decompressor | undefined,
): ImageFile {
  const format = compressionOf(payload);
  if (format === 'elf') return { path: image.path, bytes: payload };
  if (format === undefined || !isUnpackable(format) || decompressor === undefined) {
    const what = format ?? 'an unknown format';
    throw imageError(image, 'compression', `is packed with ${what}`, letGuestHint);
  }
  if (payload.length <= sizeWordBytes) throw truncatedImage(image, 'its kernel');
  const size = unpackedBytes(payload);
  if (size > limits.unpackedKernelBytes) {
    const problem = `claims to unpack to ${size} bytes, more than ${limits.unpackedKernelBytes}`;
    throw imageError(image, 'too-large', problem);
  }
  const packed = format === 'gzip' ? payload : payload.subarray(0, -sizeWordBytes);
  const outcome = decompressor.unpack(format, packed, size);
  if (outcome.kind === 'failed') {
    throw imageError(image, 'damaged', `cannot be unpacked: ${outcome.message}`);
  }
  if (outcome.bytes.length !== size) {
    const problem = `unpacks to ${outcome.bytes.length} bytes instead of ${size}`;
    throw imageError(image, 'damaged', problem);
  }
  return { path: image.path, bytes: outcome.bytes };
}
