/** What every format of disk images offers: sectors that are read, and where in the file they are. */
import type { BlockFiles, BlockSource } from '../../backends/block-source';

/** A stretch of the disk: in the file, all zeros, or whatever the parent image has. */
export type DiskExtent =
  | { readonly kind: 'file'; readonly fileOffset: number; readonly lengthBytes: number }
  | { readonly kind: 'zero'; readonly lengthBytes: number }
  | { readonly kind: 'parent'; readonly lengthBytes: number };

/** A disk as an image file describes it. Nobody writes it. */
export interface DiskImage {
  readonly format: 'raw' | 'vhd' | 'vhdx';
  readonly path: string;
  /** A multiple of the logical sector. */
  readonly sizeBytes: number;
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number;
  /** 16 bytes by which guests know the disk again. */
  readonly identity: Uint8Array;
  /** The image on which this one is based. */
  readonly parent: DiskImage | undefined;
  /** The file's bytes as they count: with the log replayed. */
  readonly source: BlockSource;
  /**
   * The stretch that begins at `offset`, which lies on the disk.
   * @returns undefined where the host could not read what tells
   */
  extentAt(offset: number): DiskExtent | undefined;
}

/** The file of an image, how further ones are opened, and how many images are based on it so far. */
export interface ImageFileToOpen {
  readonly path: string;
  readonly source: BlockSource;
  readonly files: BlockFiles;
  readonly depth: number;
}

/** Opens an image of any format. */
export type OpenImage = (file: ImageFileToOpen) => DiskImage;

/**
 * Fills `target` with the bytes of the disk from `offset` on; a parent that is smaller ends in zeros.
 * @returns false where the host could not read them all
 */
export function readImage(image: DiskImage, offset: number, target: Uint8Array): boolean {
  for (let done = 0; done < target.length;) {
    const at = offset + done;
    if (at >= image.sizeBytes) {
      target.fill(0, done);
      return true;
    }
    const extent = image.extentAt(at);
    if (extent === undefined) return false;
    const part = target.subarray(done, done + Math.min(extent.lengthBytes, image.sizeBytes - at));
    if (!readExtent(image, extent, at, part)) return false;
    done += part.length;
  }
  return true;
}

function readExtent(
  image: DiskImage,
  extent: DiskExtent,
  offset: number,
  part: Uint8Array,
): boolean {
  switch (extent.kind) {
    case 'file':
      return image.source.read(extent.fileOffset, part);
    case 'parent':
      if (image.parent !== undefined) return readImage(image.parent, offset, part);
      part.fill(0);
      return true;
    default:
      part.fill(0);
      return true;
  }
}
