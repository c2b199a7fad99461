/** What is said of disk images that cannot be used. */
import { UserError } from '../../support/user-error';

/** Says which field of an image is wrong, and how. */
export function damagedImage(path: string, field: string, problem: string): UserError {
  return new UserError(
    'disk-image-damaged',
    `The disk image "${path}" cannot be used: its ${field} ${problem}.`,
    'Repair it with the program that wrote it, or use a copy of it.',
  );
}

/** Says what an image needs that is not offered here. */
export function unsupportedImage(path: string, what: string): UserError {
  return new UserError(
    'disk-image-unsupported',
    `The disk image "${path}" cannot be used: ${what}.`,
    'Convert it, for example with "qemu-img convert".',
  );
}

/** Says that the host does not let an image be read. */
export function unreadableImage(path: string): UserError {
  return new UserError(
    'disk-image-unreadable',
    `The disk image "${path}" could not be read to its end.`,
    'Check the file and the disk that it is on.',
  );
}
