/** Finds the image on which a differencing image is based. */
import { UserError } from '../../support/user-error';
import type { DiskImage, ImageFileToOpen, OpenImage } from './disk-image';

/** Images based on one another; a longer chain, or a circle, is refused. */
const chainMaximum = 32;

/**
 * Opens the first of `paths` that exists; they are as the child has them, with the separators of Windows.
 * @throws UserError where none does, or where the one that does cannot be used
 */
export function openParent(
  child: ImageFileToOpen,
  paths: readonly string[],
  openImage: OpenImage,
): DiskImage {
  if (child.depth >= chainMaximum) {
    throw new UserError(
      'disk-image-chain',
      `The disk image "${child.path}" is the ${chainMaximum + 1}th in a chain of differencing images.`,
      'Merge some of them.',
    );
  }
  for (const path of paths) {
    const opening = child.files.openBeside(child.path, path.replaceAll('\\', '/'));
    if (opening.kind !== 'opened') continue;
    return openImage({ ...opening, files: child.files, depth: child.depth + 1 });
  }
  const names = [...new Set(paths)].map((path) => `"${path}"`).join(', ');
  throw new UserError(
    'disk-image-parent-missing',
    `The disk image "${child.path}" is based on another one, which is not at ${names || 'any place that it names'}.`,
    'Put the parent image where the child expects it.',
  );
}

/** The parent must be the one that the child was made of. */
export function parentMismatch(child: ImageFileToOpen): UserError {
  return new UserError(
    'disk-image-parent-changed',
    `The disk image "${child.path}" is based on another one, and what is in that place is not it, or has been changed since.`,
    'Put the unchanged parent image there.',
  );
}

/** Text of UTF-16, little-endian. */
export function utf16Text(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    text += String.fromCharCode((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
  }
  return text;
}
