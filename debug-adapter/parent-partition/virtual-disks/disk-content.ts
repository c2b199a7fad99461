/** A disk that is to be written as a new image, read piece by piece. */
import type { BlockSink } from '../../backends/block-source';
import { StateHash } from '../../support/state-hash';
import { encodeUtf8 } from '../../support/utf8';
import { unreadableImage } from './image-error';

/** The disk that is to be written. */
export interface DiskContent {
  /** Named in messages. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number;
  /** 16 bytes by which guests know the disk again. */
  readonly identity: Uint8Array;
  /** @returns false where the host could not read it */
  read(offset: number, target: Uint8Array): boolean;
}

/** Work in pieces that take milliseconds each; a piece tells how many bytes of the disk it has looked at. */
export type Pieces<Result = void> = Generator<number, Result>;

/** A new image: how long its file is, and what goes into it. */
export interface ImagePlan {
  readonly sizeBytes: number;
  /** @throws UserError where the disk cannot be read */
  fill(sink: BlockSink): Pieces;
}

/** Does all pieces at once. */
export function finishPieces<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const { done, value } = pieces.next();
    if (done === true) return value;
  }
}

const pieceBytes = 1024 * 1024;

/** Copies a part of the disk; pieces of zeros are not written, as the new file has zeros there already. */
export function* copyRange(
  content: DiskContent,
  offset: number,
  lengthBytes: number,
  sink: BlockSink,
  at: number,
): Pieces {
  const piece = new Uint8Array(Math.min(pieceBytes, lengthBytes));
  for (let done = 0; done < lengthBytes;) {
    const part = piece.subarray(0, Math.min(piece.length, lengthBytes - done));
    if (!content.read(offset + done, part)) throw unreadableImage(content.path);
    if (!isZero(part)) sink.write(at + done, part);
    done += part.length;
    yield part.length;
  }
}

/** The blocks of the disk that are not all zeros, ascending. */
export function* blocksInUse(content: DiskContent, blockBytes: number): Pieces<readonly number[]> {
  const count = Math.ceil(content.sizeBytes / blockBytes);
  const piece = new Uint8Array(Math.min(blockBytes, content.sizeBytes));
  const used: number[] = [];
  for (let block = 0; block < count; block++) {
    const offset = block * blockBytes;
    const part = piece.subarray(0, Math.min(blockBytes, content.sizeBytes - offset));
    if (!content.read(offset, part)) throw unreadableImage(content.path);
    if (!isZero(part)) used.push(block);
    yield part.length;
  }
  return used;
}

/**
 * 16 bytes that stand for a role of a new image: different for every disk and size, and the same whenever the same disk
 * is written. There is no chance in the core.
 */
export function derivedIdentity({ identity, sizeBytes }: DiskContent, role: string): Uint8Array {
  const hash = new StateHash().update(identity).update(encodeUtf8(`${role} ${sizeBytes}`));
  const view = new DataView(new ArrayBuffer(16));
  hash.words().forEach((word, index) => view.setInt32(index * 4, word));
  return new Uint8Array(view.buffer);
}

function isZero(bytes: Uint8Array): boolean {
  const whole = bytes.length - (bytes.length % 4);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, whole / 4);
  for (const word of words) if (word !== 0) return false;
  return bytes.subarray(whole).every((byte) => byte === 0);
}
