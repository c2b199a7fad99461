/** Looks at an initial RAM disk before a kernel does, which would only say that unpacking failed. */
import type { CompressionFormat, Decompressor } from '../../backends/decompressor';
import { UserError } from '../../support/user-error';
import type { ImageFile } from '../machine-configuration';
import { compressionOf, isUnpackable } from './kernel-payload';

/** A header of "newc": a magic and thirteen numbers of eight hexadecimal digits (buffer-format.rst of Linux). */
const headerBytes = 110;
const fileSizeAt = 54;
const nameSizeAt = 94;
const magics: readonly string[] = ['070701', '070702'];
const trailerName = 'TRAILER!!!';

const buildAgainHint = 'Build or copy the file named in "initrd" again.';

function problem(file: ImageFile, id: string, what: string): UserError {
  return new UserError(
    `initrd-${id}`,
    `The initial RAM disk ${file.path} ${what}.`,
    buildAgainHint,
  );
}

const textOf = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

const aligned = (offset: number): number => Math.ceil(offset / 4) * 4;

/** Offset behind the member at `at`, and whether it ends its archive. */
function readMember(
  file: ImageFile,
  at: number,
): { readonly end: number; readonly isLast: boolean } {
  const { bytes } = file;
  const number = (offset: number): number => {
    const digits = textOf(bytes, at + offset, 8);
    return /^[0-9a-f]{8}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  };
  const nameBytes = number(nameSizeAt);
  const end = aligned(at + headerBytes + nameBytes) + number(fileSizeAt);
  if (Number.isNaN(end)) {
    throw problem(file, 'damaged', `has a damaged cpio header at byte ${at}`);
  }
  if (end > bytes.length) {
    throw problem(file, 'truncated', 'ends in the middle of a file of its cpio archive');
  }
  const isLast = textOf(bytes, at + headerBytes, trailerName.length) === trailerName;
  return { end: aligned(end), isLast };
}

/** What unpacks the compressed part of a RAM disk, and the RAM that it has to fit into. */
export interface InitrdUnpacking {
  readonly decompressor: Decompressor | undefined;
  readonly limitBytes: number;
}

/**
 * Checks that the file is made of cpio archives. The first compressed part is unpacked for that, where its format is
 * one that is unpacked here; what follows it is the kernel's to judge.
 * @throws UserError `initrd-…` where it is not, where it ends too early, or where it cannot be unpacked
 */
export function checkInitrdArchive(file: ImageFile, unpacking: InitrdUnpacking): void {
  const { bytes } = file;
  const packedAt = checkArchives(file);
  if (packedAt === undefined) return;
  const packed = bytes.subarray(packedAt);
  const format = compressionOf(packed);
  if (format === 'elf' || format === undefined) {
    throw problem(file, 'unknown', 'is no cpio archive, compressed or not');
  }
  const { decompressor, limitBytes } = unpacking;
  if (!isUnpackable(format) || decompressor === undefined) return;
  const unpacked = unpackPart(file, { format, packed }, decompressor, limitBytes);
  if (checkArchives(unpacked) !== undefined) {
    throw problem(file, 'unknown', `is packed with ${format}, but holds no cpio archive`);
  }
}

/** Zeros may follow a compressed archive (buffer-format.rst); not every unpacker takes them. */
function withoutPadding(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

function unpackPart(
  file: ImageFile,
  { format, packed }: { readonly format: CompressionFormat; readonly packed: Uint8Array },
  decompressor: Decompressor,
  limitBytes: number,
): ImageFile {
  const outcome = decompressor.unpack(format, packed, limitBytes, 'once');
  if (outcome.kind === 'unpacked') return { path: file.path, bytes: outcome.bytes };
  const shorter = withoutPadding(packed);
  if (shorter.length < packed.length) {
    const again = decompressor.unpack(format, shorter, limitBytes, 'once');
    if (again.kind === 'unpacked') return { path: file.path, bytes: again.bytes };
  }
  throw problem(file, 'damaged', `cannot be unpacked as ${format}: ${outcome.message}`);
}

/** Reads the archives that are not compressed. @returns where something else begins; undefined at the end */
function checkArchives(file: ImageFile): number | undefined {
  const { bytes } = file;
  let isOpen = false;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] === 0 && !isOpen && at > 0) {
      at++;
      continue;
    }
    if (magics.includes(textOf(bytes, at, 6)) && at + headerBytes <= bytes.length) {
      const { end, isLast } = readMember(file, at);
      isOpen = !isLast;
      at = end;
      continue;
    }
    if (isOpen) throw problem(file, 'damaged', `is no cpio archive at byte ${at}`);
    return at;
  }
  if (isOpen) throw problem(file, 'truncated', 'ends before its cpio archive does');
  return undefined;
}
