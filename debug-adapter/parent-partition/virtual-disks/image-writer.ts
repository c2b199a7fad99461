/** Writes disks as new images. */
import { copyRange, type DiskContent, type ImagePlan } from './disk-content';
import { planVhd } from './vhd/vhd-writer';
import { planVhdx } from './vhdx/vhdx-writer';

/** Formats that are written; `-fixed` has all blocks in place. */
export const writtenFormats = ['raw', 'vhd', 'vhd-fixed', 'vhdx', 'vhdx-fixed'] as const;
export type WrittenFormat = (typeof writtenFormats)[number];

/**
 * Plans a new image of a disk.
 * @throws UserError where the format has no disks like this, or the disk cannot be read
 */
export function planImage(content: DiskContent, format: WrittenFormat): ImagePlan {
  switch (format) {
    case 'vhd':
    case 'vhd-fixed':
      return planVhd(content, format === 'vhd');
    case 'vhdx':
    case 'vhdx-fixed':
      return planVhdx(content, format === 'vhdx');
    default:
      return {
        sizeBytes: content.sizeBytes,
        fill: (sink) => {
          copyRange(content, 0, content.sizeBytes, sink, 0);
        },
      };
  }
}
