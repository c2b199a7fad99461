/** The disks of all guests of a machine, and what names the contents of their images. */
import type { BlockFiles } from '../backends/block-source';
import { PageStore } from '../machine/page-store';
import type { DiskOverlay } from '../parent-partition/virtual-disks/disk-overlay';
import { present } from '../support/assert';
import { UserError } from '../support/user-error';
import { GuestDisks } from './guest-disks';
import type { MachineConfiguration } from './machine-configuration';

/** Disks by guest, in the order of the configuration. */
export class MachineDisks {
  /** What guests have written, and what checkpoints still hold of it. */
  readonly pages = new PageStore();
  readonly guests: readonly GuestDisks[];
  /** What guests have written, all disks of all guests in order. */
  readonly overlays: readonly DiskOverlay[];

  /**
   * @param onFull told of a guest, by its place in the configuration, whose disk takes no more writes
   * @throws UserError where an image cannot be used
   */
  constructor(
    { guests, costs }: MachineConfiguration,
    blockFiles: BlockFiles | undefined,
    onFull: (guest: number, path: string) => void,
  ) {
    const latency = { requestNs: costs.diskRequestNs, kibibyteNs: costs.diskKibibyteNs };
    const services = { blockFiles, pages: this.pages, latency };
    this.guests = guests.map(
      (guest, index) =>
        new GuestDisks(guest, { ...services, onFull: (path) => onFull(index, path) }),
    );
    this.overlays = this.guests.flatMap(({ all }) => all.map(({ disk }) => disk.overlay));
  }

  /** Bytes that only checkpoints hold. */
  get checkpointBytes(): number {
    return this.overlays.reduce((left, { sizeBytes }) => left - sizeBytes, this.pages.sizeBytes);
  }

  /**
   * Names the contents of all images. It reads them whole, once for each call.
   * @throws UserError where one cannot be read
   */
  hashImages(): string {
    return this.guests.flatMap(namesOfImages).join('\n');
  }

  /** As {@link hashImages}, of the disks of one guest, by its place in the configuration. */
  hashImagesOf(guest: number): string {
    return namesOfImages(present(this.guests[guest], 'disks of a guest')).join('\n');
  }
}

function namesOfImages({ all }: GuestDisks): readonly string[] {
  return all.map(({ disk, path, controller, location }) => {
    const name = disk.hashImages();
    if (name !== undefined) return `${controller} ${location} ${disk.isReadOnly} ${name}`;
    throw new UserError(
      'disk-image-unreadable',
      `The disk image "${path}" could not be read to its end.`,
      'Check the file and the disk that it is on.',
    );
  });
}
