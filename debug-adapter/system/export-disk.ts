/** Writes a disk, with what the guest has written to it, as a new image. */
import type { BlockFiles } from '../backends/block-source';
import type { DiskImage } from '../parent-partition/virtual-disks/disk-image';
import {
  planImage,
  writtenFormats,
  type WrittenFormat,
} from '../parent-partition/virtual-disks/image-writer';
import { UserError } from '../support/user-error';
import type { GuestDisk } from './guest-disks';
import type { PhysicalMachine } from './physical-machine';

/** A disk by the place of its guest in the configuration, and its own place there. */
export interface DiskPlace {
  readonly guest: number;
  readonly disk: number;
}

/** Where a disk is written to; the name of the file says the format unless it is given. */
export interface DiskTarget {
  readonly path: string;
  readonly format?: WrittenFormat | undefined;
}

/**
 * Finds a disk.
 * @throws UserError where there is none
 */
export function findDisk({ disks }: PhysicalMachine, { guest, disk }: DiskPlace): GuestDisk {
  const found = disks.guests[guest]?.all[disk];
  if (found !== undefined) return found;
  throw new UserError(
    'no-such-disk',
    `There is no disk ${disk} of guest ${guest}.`,
    'Guests and disks are counted from 0, in the order of the launch arguments.',
  );
}

/** The format that goes with the name of a file. */
export function formatOfName(path: string): WrittenFormat {
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase();
  return writtenFormats.find((format) => format === ending) ?? 'raw';
}

/**
 * Writes a disk as it is now. The machine does not change.
 * @throws UserError where there is no such disk, or it cannot be written there
 */
export function exportDisk(
  machine: PhysicalMachine,
  place: DiskPlace,
  { path, format = formatOfName(path) }: DiskTarget,
  files: BlockFiles,
): void {
  const { disk } = findDisk(machine, place);
  refuseUsed(machine, path, files);
  const { image, sizeBytes } = disk;
  const plan = planImage(
    {
      ...{ path: image.path, sizeBytes, identity: image.identity },
      logicalSectorBytes: image.logicalSectorBytes,
      physicalSectorBytes: image.physicalSectorBytes,
      read: (offset, target) => disk.read(offset, target),
    },
    format,
  );
  const outcome = files.writeWhole(path, plan.sizeBytes, (sink) => plan.fill(sink));
  if (outcome.kind === 'written') return;
  throw new UserError(
    'disk-export',
    `The disk could not be written to "${path}": ${outcome.message}.`,
    'Check the folder and its free space.',
  );
}

/** A file that a guest uses is never written. */
function refuseUsed({ disks }: PhysicalMachine, path: string, files: BlockFiles): void {
  for (const { disk } of disks.guests.flatMap(({ all }) => all)) {
    for (let image: DiskImage | undefined = disk.image; image; image = image.parent) {
      if (!files.isSameFile(image.path, path)) continue;
      throw new UserError(
        'disk-export-used',
        `A disk cannot be written to "${path}": that is an image which a guest uses.`,
        'Choose another file.',
      );
    }
  }
}
