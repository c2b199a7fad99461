/** Labels, descriptions and menus of a guest's disks; pure. */
import type { DiskInfo } from '../../debug-adapter/protocol/guest-disks';
import { bytesText } from '../presentation/quantity-text';

/** `Disk 0: root.vhdx`. */
export function diskLabel({ index, path }: DiskInfo): string {
  return `Disk ${index}: ${path.split(/[\\/]/).at(-1) ?? path}`;
}

/** `scsi 0 · 2 GiB · 12 KiB written`. */
export function diskDescription(disk: DiskInfo): string {
  const { controller, location, sizeBytes, writtenBytes, isReadOnly, isAttached } = disk;
  const kept = isReadOnly ? 'read-only' : `${bytesText(writtenBytes)} written`;
  const parts = [`${controller} ${location}`, bytesText(sizeBytes), kept];
  // A narrow side bar shows the beginning only.
  return [...(isAttached ? [] : ['detached']), ...parts].join(' · ');
}

/** What menus ask for: disks of the SCSI controller come and go while the guest runs. */
export function diskContext({ controller, isAttached }: DiskInfo): string {
  if (!isAttached) return 'detachedDisk';
  return controller === 'scsi' ? 'attachedDisk' : 'fixedDisk';
}

/** Rows of a disk's tooltip: name and value. */
export function diskFacts(disk: DiskInfo): readonly (readonly [string, string])[] {
  const { path, controller, location, sizeBytes, isReadOnly } = disk;
  const facts = [
    ['Image', path],
    ['Controller', `${controller}, location ${location}`],
    ['Size', bytesText(sizeBytes)],
  ] as const;
  if (isReadOnly) return [...facts, ['Access', 'read-only']];
  const { writtenBytes, writtenBytesMaximum } = disk;
  const written = `${bytesText(writtenBytes)} of at most ${bytesText(writtenBytesMaximum)}`;
  return [...facts, ['Kept of what the guest wrote', written]];
}
