/** Recognizes what an image is by its content. */
import { isBzImage } from './bz-image';
import { elfNotes, isElf, readElfFile } from './elf-file';
import { findMultibootHeader } from './multiboot-header';
import { isPvhNote } from './pvh-kernel';
import type { GuestConfiguration, GuestFormat, ImageFile } from '../machine-configuration';

/** Linux marks its vmlinux with notes of this name (LINUX_ELFNOTE_BUILD_SALT and others). */
const linuxNoteName = 'Linux';

/**
 * The format that a configuration names, or the one that its image looks like.
 * @throws UserError `image-…` where the image is a damaged ELF file
 */
export function formatOf({
  format = 'auto',
  image,
}: Pick<GuestConfiguration, 'format' | 'image'>): GuestFormat {
  return format === 'auto' ? detectFormat(image) : format;
}

function detectFormat(image: ImageFile): GuestFormat {
  const { bytes } = image;
  if (isBzImage(bytes)) return 'linux';
  if (isElf(bytes)) {
    const notes = elfNotes(image, readElfFile(image));
    if (notes.some(({ name }) => name === linuxNoteName)) return 'linux';
    if (notes.some(isPvhNote)) return 'pvh';
  }
  return findMultibootHeader(bytes) === undefined ? 'sample-guest' : 'multiboot';
}
