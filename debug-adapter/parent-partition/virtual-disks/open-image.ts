/** Opens disk images of every format, told apart by their content. */
import type { BlockFiles } from '../../backends/block-source';
import { UserError } from '../../support/user-error';
import type { DiskImage, ImageFileToOpen } from './disk-image';
import { RawImage } from './raw-image';
import { openVhdImage } from './vhd/vhd-image';
import { findVhdFooter } from './vhd/vhd-structures';
import { openVhdxImage } from './vhdx/vhdx-image';
import { isVhdx } from './vhdx/vhdx-structures';

function openFile(file: ImageFileToOpen): DiskImage {
  if (isVhdx(file)) return openVhdxImage(file, openFile);
  const footer = findVhdFooter(file.source);
  return footer === undefined ? new RawImage(file) : openVhdImage(file, footer, openFile);
}

/**
 * Opens the image at `path`, with the images that it is based on.
 * @throws UserError where one of them is not there, cannot be read, or is damaged
 */
export function openDiskImage(path: string, files: BlockFiles): DiskImage {
  const opening = files.open(path);
  if (opening.kind === 'opened') return openFile({ ...opening, files, depth: 0 });
  throw new UserError(
    opening.kind === 'missing' ? 'disk-image-not-found' : 'disk-image-unreadable',
    opening.kind === 'missing'
      ? `There is no disk image "${path}".`
      : `The disk image "${path}" cannot be read: ${opening.message}.`,
    'Check "disks".',
  );
}
