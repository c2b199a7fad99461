/** A disk of a guest: an image that nobody writes, and what the guest has written over it. */
import { hashBlocks } from '../../backends/block-source';
import { pageSizeBytes } from '../../machine/addresses';
import type { PageStore } from '../../machine/page-store';
import { readImage, type DiskImage } from './disk-image';
import { DiskOverlay } from './disk-overlay';

/** How a write went; `full` where the overlay may not grow any more. */
export type DiskWrite = 'written' | 'full' | 'failed';

/** What a disk is made of. */
export interface VirtualDiskOptions {
  readonly image: DiskImage;
  readonly isReadOnly: boolean;
  /** Keeps what is written. */
  readonly pages: PageStore;
  readonly overlayBytesMaximum: number;
  /** Told of the first write for which there was no room, and again once there has been some. */
  readonly onFull?: () => void;
}

/** Sectors that are read and written by byte offset; every range lies on the disk. */
export class VirtualDisk {
  private readonly pages: PageStore;
  readonly image: DiskImage;
  readonly isReadOnly: boolean;
  readonly overlay: DiskOverlay;
  private readonly page = new Uint8Array(pageSizeBytes);
  private readonly onFull: () => void;
  private wasFull = false;

  constructor(options: VirtualDiskOptions) {
    const { image, isReadOnly, pages, overlayBytesMaximum } = options;
    this.onFull = options.onFull ?? ((): void => undefined);
    this.image = image;
    this.isReadOnly = isReadOnly;
    this.pages = pages;
    this.overlay = new DiskOverlay(pages, overlayBytesMaximum);
  }

  get sizeBytes(): number {
    return this.image.sizeBytes;
  }

  get sectorBytes(): number {
    return this.image.logicalSectorBytes;
  }

  /** @returns false where the host could not read the image */
  read(offset: number, target: Uint8Array): boolean {
    const end = offset + target.length;
    const endPage = Math.ceil(end / pageSizeBytes);
    for (let at = offset; at < end;) {
      const page = Math.floor(at / pageSizeBytes);
      const ofImage = this.overlay.imagePagesFrom(page, endPage);
      const upTo = Math.min(end, (page + Math.max(1, ofImage)) * pageSizeBytes);
      const part = target.subarray(at - offset, upTo - offset);
      if (ofImage === 0) this.overlay.read(page, at % pageSizeBytes, part);
      else if (!readImage(this.image, at, part)) return false;
      at = upTo;
    }
    return true;
  }

  /** Writes pages one after another; those before one that cannot be written stay written. */
  write(offset: number, bytes: Uint8Array): DiskWrite {
    this.wasFull &&= this.overlay.sizeBytes >= this.overlay.bytesMaximum;
    for (let done = 0; done < bytes.length;) {
      const page = Math.floor((offset + done) / pageSizeBytes);
      const from = (offset + done) % pageSizeBytes;
      const part = bytes.subarray(done, done + Math.min(bytes.length - done, pageSizeBytes - from));
      if (part.length < pageSizeBytes && !this.readPage(page)) return 'failed';
      this.page.set(part, from);
      if (!this.overlay.write(page, this.page)) return this.refuseWrite();
      done += part.length;
    }
    return 'written';
  }

  /** Makes a range zeros. */
  clear(offset: number, lengthBytes: number): DiskWrite {
    const end = offset + lengthBytes;
    const firstWhole = Math.ceil(offset / pageSizeBytes);
    const endWhole = Math.floor(end / pageSizeBytes);
    if (endWhole <= firstWhole) return this.write(offset, new Uint8Array(lengthBytes));
    const before = this.write(offset, new Uint8Array(firstWhole * pageSizeBytes - offset));
    if (before !== 'written') return before;
    this.overlay.zero(firstWhole, endWhole - firstWhole);
    return this.write(endWhole * pageSizeBytes, new Uint8Array(end - endWhole * pageSizeBytes));
  }

  /** The disk as it is now, whatever the guest writes later. Its overlay is to be cleared when it is not needed any more. */
  copy(): VirtualDisk {
    const { image, pages } = this;
    const copy = new VirtualDisk({ image, pages, isReadOnly: true, overlayBytesMaximum: Infinity });
    const snapshot = this.overlay.takeSnapshot();
    copy.overlay.restoreSnapshot(snapshot);
    snapshot.release();
    return copy;
  }

  /** Names the contents of the image and of those that it is based on; undefined where they cannot be read. */
  hashImages(): string | undefined {
    let names = '';
    for (let image: DiskImage | undefined = this.image; image; image = image.parent) {
      const name = hashBlocks(image.source);
      if (name === undefined) return undefined;
      names += name;
    }
    return names;
  }

  private refuseWrite(): DiskWrite {
    if (!this.wasFull) this.onFull();
    this.wasFull = true;
    return 'full';
  }

  /** The last page of the disk ends in zeros where the disk ends in it. */
  private readPage(page: number): boolean {
    const offset = page * pageSizeBytes;
    this.page.fill(0);
    return this.read(
      offset,
      this.page.subarray(0, Math.min(pageSizeBytes, this.sizeBytes - offset)),
    );
  }
}
