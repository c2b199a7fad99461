/** Looks at an initial RAM disk before a kernel does, which would only say that unpacking failed. */
import { UserError } from '../../support/user-error';
import type { ImageFile } from '../machine-configuration';
import { compressionOf } from './kernel-payload';

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

/**
 * Checks that the file is made of cpio archives, as far as they are not compressed.
 * @throws UserError `initrd-…` where it is not, or where it ends too early
 */
export function checkInitrdArchive(file: ImageFile): void {
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
    const format = compressionOf(bytes.subarray(at, at + 16));
    if (format !== undefined && format !== 'elf') return;
    throw problem(file, 'unknown', 'is no cpio archive, compressed or not');
  }
  if (isOpen) throw problem(file, 'truncated', 'ends before its cpio archive does');
}
