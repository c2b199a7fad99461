/** The disks of guests as a front end uses them: what they are, attaching and detaching, and export while a guest runs. */
import type { BlockFiles } from '../backends/block-source';
import { UserError } from '../support/user-error';
import { DiskExport, type DiskTarget } from '../system/export-disk';
import type { Timeline } from '../timeline/timeline';

export type { DiskExport };

/** One disk of a guest. */
export interface DiskStatus {
  /** In the order of the launch arguments. */
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

/** The place of a guest in the configuration. */
function placeOf({ guests }: Timeline, partition: number): number {
  const index = guests.findIndex(({ id }) => id === partition);
  if (index >= 0) return index;
  throw new UserError('no-such-partition', `There is no guest partition ${partition}.`);
}

/** @throws UserError where there is no such guest */
export function guestDisks(timeline: Timeline, partition: number): readonly DiskStatus[] {
  const disks = timeline.machine.disks.guests[placeOf(timeline, partition)]?.all ?? [];
  return disks.map(({ path, controller, location, disk, device }, index) => ({
    ...{ index, path, controller, location },
    sizeBytes: disk.sizeBytes,
    isReadOnly: disk.isReadOnly,
    isAttached: controller === 'ide' || device.isAttached(location),
    writtenBytes: disk.overlay.sizeBytes,
    writtenBytesMaximum: disk.overlay.bytesMaximum,
  }));
}

/**
 * Begins to write a disk, as it is now, to a new image; the guest may run on meanwhile.
 * @throws UserError where there is no such disk, or it cannot be written there
 */
export function beginExport(
  timeline: Timeline,
  { partition, disk }: { readonly partition: number; readonly disk: number },
  target: DiskTarget,
  files: BlockFiles,
): DiskExport {
  const place = { guest: placeOf(timeline, partition), disk };
  return new DiskExport(timeline.machine, place, target, files);
}
