/** Custom requests about the disks of guests. */

/** Requests; each names its argument and body types. */
export const diskRequest = {
  /** `DisksArguments` → `DisksBody` */
  disks: 'hyperscope/disks',
  /** `DiskArguments` → nothing; the guest is told and looks at its disks again. */
  attachDisk: 'hyperscope/attachDisk',
  /** `DiskArguments` → nothing */
  detachDisk: 'hyperscope/detachDisk',
  /**
   * `ExportDiskArguments` → nothing, when the image is complete. The disk is written as it was when the request came,
   * while the guest may run on. Clients that show progress are told of it and can cancel it; then nothing is left.
   */
  exportDisk: 'hyperscope/exportDisk',
} as const;

/** What an export is answered with that the person has cancelled. */
export const exportGivenUp = 'The export was given up.';

/** Whose disks. */
export interface DisksArguments {
  readonly partition: number;
}

/** Every disk of the guest, also those that are detached. */
export interface DisksBody {
  readonly disks: readonly DiskInfo[];
}

/** One disk of a guest. */
export interface DiskInfo {
  /** In the order of the launch arguments, from 0. */
  readonly index: number;
  /** Of its image, which is never written. */
  readonly path: string;
  readonly controller: 'scsi' | 'ide';
  readonly location: number;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly isAttached: boolean;
  /** Kept of what the guest has written, and the most that is. */
  readonly writtenBytes: number;
  readonly writtenBytesMaximum: number;
}

/** Which disk. */
export interface DiskArguments {
  readonly partition: number;
  readonly disk: number;
}

/** Formats of new images. */
export const diskFormats = ['raw', 'vhd', 'vhd-fixed', 'vhdx', 'vhdx-fixed'] as const;

/** Which disk goes where. */
export interface ExportDiskArguments extends DiskArguments {
  /** Absolute path of the new image. */
  readonly path: string;
  /** By default what the name of the file says. */
  readonly format?: (typeof diskFormats)[number];
}
