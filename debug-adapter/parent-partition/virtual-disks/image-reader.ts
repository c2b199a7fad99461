/** Reads structures of an image file, with a message that names what does not fit. */
import { damagedImage, unreadableImage } from './image-error';
import type { ImageFileToOpen } from './disk-image';

/** One structure of a file. Offsets are from its start. */
export class ImageStructure {
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    private readonly isLittleEndian: boolean,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(offset: number): number {
    return this.view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.view.getUint16(offset, this.isLittleEndian);
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, this.isLittleEndian);
  }

  u64(offset: number): bigint {
    return this.view.getBigUint64(offset, this.isLittleEndian);
  }

  /** A 64-bit number as a double: exact below 2^53; what is larger fits no file, and every check refuses it. */
  large(offset: number): number {
    return Number(this.u64(offset));
  }

  text(offset: number, length: number): string {
    return String.fromCharCode(...this.bytes.subarray(offset, offset + length));
  }

  part(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(offset, offset + length);
  }
}

/** Reads the structures of one file. */
export class ImageReader {
  constructor(
    private readonly file: ImageFileToOpen,
    private readonly isLittleEndian: boolean,
  ) {}

  /** @throws UserError where `what` does not lie inside the file, or cannot be read */
  read(what: string, offset: number, length: number): ImageStructure {
    const { path, source } = this.file;
    if (!(offset >= 0 && offset + length <= source.sizeBytes)) {
      throw damagedImage(path, what, 'lies outside the file');
    }
    const bytes = new Uint8Array(length);
    if (!source.read(offset, bytes)) throw unreadableImage(path);
    return new ImageStructure(bytes, this.isLittleEndian);
  }

  /** @throws UserError that names `field` unless `holds` */
  check(holds: boolean, field: string, problem: string): asserts holds {
    if (!holds) throw damagedImage(this.file.path, field, problem);
  }
}
