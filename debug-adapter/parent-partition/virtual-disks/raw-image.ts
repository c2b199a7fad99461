/** Raw images: the sectors of the disk, one after the other. */
import { StateHash } from '../../support/state-hash';
import { encodeUtf8 } from '../../support/utf8';
import type { DiskExtent, DiskImage, ImageFileToOpen } from './disk-image';
import { damagedImage, unreadableImage } from './image-error';

const sectorBytes = 512;
/** Bytes at the start of the image by which it is known again: partition table and file system identifiers. */
const identifyingBytes = 64 * 1024;

function identityOf(hash: StateHash): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  hash.words().forEach((word, index) => view.setInt32(index * 4, word));
  return new Uint8Array(view.buffer);
}

/** A file as a disk; a last sector that is not complete ends in zeros. */
export class RawImage implements DiskImage {
  readonly format = 'raw';
  readonly logicalSectorBytes = sectorBytes;
  readonly physicalSectorBytes = sectorBytes;
  readonly parent = undefined;
  readonly sizeBytes: number;
  readonly identity: Uint8Array;
  readonly source;
  readonly path: string;

  /** @throws UserError where the file is empty or cannot be read */
  constructor({ path, source }: ImageFileToOpen) {
    if (source.sizeBytes === 0) throw damagedImage(path, 'file', 'is empty');
    this.source = source;
    this.path = path;
    this.sizeBytes = Math.ceil(source.sizeBytes / sectorBytes) * sectorBytes;
    const first = new Uint8Array(Math.min(identifyingBytes, source.sizeBytes));
    if (!source.read(0, first)) throw unreadableImage(path);
    this.identity = identityOf(
      new StateHash().update(encodeUtf8(`${this.sizeBytes}`)).update(first),
    );
  }

  extentAt(offset: number): DiskExtent {
    const left = this.source.sizeBytes - offset;
    if (left > 0) return { kind: 'file', fileOffset: offset, lengthBytes: left };
    return { kind: 'zero', lengthBytes: this.sizeBytes - offset };
  }
}
