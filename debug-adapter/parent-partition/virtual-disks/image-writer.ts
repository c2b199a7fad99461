/** Writes disks as new images. */
import { copyRange, type DiskContent, type ImagePlan, type Pieces } from './disk-content';
import { planVhd } from './vhd/vhd-writer';
import { planVhdx } from './vhdx/vhdx-writer';

/** Formats that are written; `-fixed` has all blocks in place. */
export const writtenFormats = ['raw', 'vhd', 'vhd-fixed', 'vhdx', 'vhdx-fixed'] as const;
export type WrittenFormat = (typeof writtenFormats)[number];

/**
 * Plans a new image of a disk; for the formats that leave out blocks of zeros, by looking at the whole disk.
 * @throws UserError where the format has no disks like this, or the disk cannot be read
 */
export function* planImage(content: DiskContent, format: WrittenFormat): Pieces<ImagePlan> {
  switch (format) {
    case 'vhd':
    case 'vhd-fixed':
      return yield* planVhd(content, format === 'vhd');
    case 'vhdx':
    case 'vhdx-fixed':
      return yield* planVhdx(content, format === 'vhdx');
    default:
      return {
        sizeBytes: content.sizeBytes,
        fill: (sink) => copyRange(content, 0, content.sizeBytes, sink, 0),
      };
  }
}
