/** Writes a disk, with what the guest has written to it, as a new image. */
import type { BlockFiles, UnfinishedBlockFile } from '../backends/block-source';
import type { Pieces } from '../parent-partition/virtual-disks/disk-content';
import type { DiskImage } from '../parent-partition/virtual-disks/disk-image';
import {
  planImage,
  writtenFormats,
  type WrittenFormat,
} from '../parent-partition/virtual-disks/image-writer';
import type { VirtualDisk } from '../parent-partition/virtual-disks/virtual-disk';
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

/** A disk on its way into a new image: as it was when this was made, while its guest may run on. */
export class DiskExport {
  private readonly pieces: Pieces<void>;
  private readonly disk: VirtualDisk;
  private lookedAtBytes = 0;
  private isOver = false;

  /**
   * Nothing is written before {@link step}.
   * @throws UserError where there is no such disk, or it cannot be written there
   */
  constructor(
    machine: PhysicalMachine,
    place: DiskPlace,
    private readonly target: DiskTarget,
    files: BlockFiles,
  ) {
    const { disk } = findDisk(machine, place);
    refuseUsed(machine, target.path, files);
    const begun = files.beginWhole(target.path);
    if (begun.kind === 'failed') throw this.refusal(begun.message);
    this.disk = disk.copy();
    this.pieces = this.write(begun.file);
    // From here on the file is removed, whenever this is given up.
    this.pieces.next();
  }

  /** From 0 to 1; formats that leave out zeros look at the disk twice. */
  get fraction(): number {
    return Math.min(1, this.lookedAtBytes / (this.passes * this.disk.sizeBytes));
  }

  /**
   * Does a part of the work.
   * @returns true where it is complete
   * @throws UserError, with nothing left behind, where it cannot be
   */
  step(): boolean {
    if (this.isOver) return true;
    const { done, value } = this.pieces.next();
    this.lookedAtBytes += value ?? 0;
    this.isOver = done === true;
    return this.isOver;
  }

  /** Gives up; nothing is left behind. */
  cancel(): void {
    if (!this.isOver) this.pieces.return();
    this.isOver = true;
  }

  private get passes(): number {
    const format = this.target.format ?? formatOfName(this.target.path);
    return format === 'vhd' || format === 'vhdx' ? 2 : 1;
  }

  private *write(file: UnfinishedBlockFile): Pieces {
    const { path, format = formatOfName(path) } = this.target;
    const { image, sizeBytes } = this.disk;
    let isWhole = false;
    try {
      yield 0;
      const content = {
        ...{ path: image.path, sizeBytes, identity: image.identity },
        logicalSectorBytes: image.logicalSectorBytes,
        physicalSectorBytes: image.physicalSectorBytes,
        read: (offset: number, part: Uint8Array) => this.disk.read(offset, part),
      };
      const plan = yield* planImage(content, format);
      yield* plan.fill(file);
      isWhole = true;
      const outcome = file.finish(plan.sizeBytes);
      if (outcome.kind === 'failed') throw this.refusal(outcome.message);
    } finally {
      if (!isWhole) file.abandon();
      this.disk.overlay.clear();
    }
  }

  private refusal(message: string): UserError {
    return new UserError(
      'disk-export',
      `The disk could not be written to "${this.target.path}": ${message}.`,
      'Check the folder and its free space.',
    );
  }
}

/**
 * Writes a disk as it is now. The machine does not change.
 * @throws UserError where there is no such disk, or it cannot be written there
 */
export function exportDisk(
  machine: PhysicalMachine,
  place: DiskPlace,
  target: DiskTarget,
  files: BlockFiles,
): void {
  const writing = new DiskExport(machine, place, target, files);
  while (!writing.step());
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
