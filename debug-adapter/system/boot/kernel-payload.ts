/** Unpacks the kernel inside a bzImage, as the code in front of it would. */
import type { CompressionFormat, Decompressor, Unpacked } from '../../backends/decompressor';
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

/** What there is to unpack. */
interface PackedKernel {
  readonly format: CompressionFormat;
  readonly packed: Uint8Array;
  /** Of the unpacked kernel, as the payload says. */
  readonly size: number;
  readonly decompressor: Decompressor;
}

/** The packed kernel; undefined where it is not packed. @throws UserError `image-…` where it cannot be unpacked */
function readPacked(
  image: ImageFile,
  { payload }: BzImage,
  decompressor: Decompressor | undefined,
): PackedKernel | undefined {
  const format = compressionOf(payload);
  if (format === 'elf') return undefined;
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
  return { format, packed, size, decompressor };
}

function bytesOf(image: ImageFile, outcome: Unpacked): Uint8Array {
  if (outcome.kind === 'unpacked') return outcome.bytes;
  throw imageError(image, 'damaged', `cannot be unpacked: ${outcome.message}`);
}

function checkSize(image: ImageFile, unpackedBytes: number, size: number): void {
  if (unpackedBytes === size) return;
  throw imageError(image, 'damaged', `unpacks to ${unpackedBytes} bytes instead of ${size}`);
}

/**
 * The vmlinux inside a bzImage, followed by its relocation table where it has one.
 * @throws UserError `image-…` where it cannot be unpacked
 */
export function unpackKernel(
  image: ImageFile,
  bzImage: BzImage,
  decompressor: Decompressor | undefined,
): ImageFile {
  const kernel = readPacked(image, bzImage, decompressor);
  if (kernel === undefined) return { path: image.path, bytes: bzImage.payload };
  const { format, packed, size } = kernel;
  const bytes = bytesOf(image, kernel.decompressor.unpack(format, packed, size));
  checkSize(image, bytes.length, size);
  return { path: image.path, bytes };
}

/** A kernel of which there is never more than one part. */
export interface KernelByParts {
  /** The first part, which has the headers. */
  readonly head: ImageFile;
  readonly sizeBytes: number;
  /**
   * All parts in order, to be taken once: each is good until the next is asked for.
   * @throws UserError `image-damaged`
   */
  readonly parts: Iterable<Uint8Array>;
}

/**
 * As {@link unpackKernel}, while it is taken.
 * @returns undefined where the kernel is not packed, or in a format that is unpacked as a whole
 * @throws UserError `image-…` where it cannot be unpacked
 */
export function unpackKernelByParts(
  image: ImageFile,
  bzImage: BzImage,
  decompressor: Decompressor | undefined,
): KernelByParts | undefined {
  const kernel = readPacked(image, bzImage, decompressor);
  if (kernel === undefined) return undefined;
  const { format, packed, size } = kernel;
  const outcomes = kernel.decompressor.unpackByParts?.(format, packed, size);
  if (outcomes === undefined) return undefined;
  const rest = checkedParts(image, outcomes, size);
  const first = rest.next();
  const bytes = first.done === true ? new Uint8Array(0) : first.value;
  const parts = partsFrom(bytes, rest);
  return { head: { path: image.path, bytes }, sizeBytes: size, parts };
}

function* checkedParts(
  image: ImageFile,
  outcomes: Iterable<Unpacked>,
  size: number,
): Generator<Uint8Array, undefined> {
  let unpackedBytes = 0;
  for (const outcome of outcomes) {
    const bytes = bytesOf(image, outcome);
    unpackedBytes += bytes.length;
    yield bytes;
  }
  checkSize(image, unpackedBytes, size);
}

function* partsFrom(first: Uint8Array, rest: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield first;
  yield* rest;
}
