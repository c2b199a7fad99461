/** The port through which disk images are read, and new ones written whole; it is synchronous and reports, never throws. */
import { StateHash } from '../support/state-hash';

/** Bytes of a disk image. Nobody writes them. */
export interface BlockSource {
  readonly sizeBytes: number;
  /**
   * Fills `target` with the bytes from `offset` on.
   * @returns false where the range is not inside, or where the host could not read it
   */
  read(offset: number, target: Uint8Array): boolean;
}

/** Outcome of opening an image; `path` is the one that was opened. */
export type BlockOpening =
  | { readonly kind: 'opened'; readonly path: string; readonly source: BlockSource }
  | { readonly kind: 'missing' }
  /** It is there but cannot be read; `message` says why, as part of a sentence. */
  | { readonly kind: 'failed'; readonly message: string };

/** Takes the bytes of an image that is being written; what is never written is zero. */
export interface BlockSink {
  write(offset: number, bytes: Uint8Array): void;
}

/** Outcome of writing an image; `message` says what went wrong, as part of a sentence. */
export type BlockWriting =
  { readonly kind: 'written' } | { readonly kind: 'failed'; readonly message: string };

/** A new image that is being written. Nothing has its name until it is finished, and nothing is left of it where it never is. */
export interface UnfinishedBlockFile extends BlockSink {
  /** The file has `sizeBytes` and takes its name; tells what has gone wrong in all of the writing. */
  finish(sizeBytes: number): BlockWriting;
  abandon(): void;
}

/** Outcome of beginning an image. */
export type BlockBeginning =
  | { readonly kind: 'begun'; readonly file: UnfinishedBlockFile }
  | { readonly kind: 'failed'; readonly message: string };

/** Disk images of the host. Paths are the operating system's. */
export interface BlockFiles {
  open(path: string): BlockOpening;
  /** Opens `path` as it stands in the image `child`: relative to its folder, unless it is absolute. */
  openBeside(child: string, path: string): BlockOpening;
  /** True where both paths name one file that exists. */
  isSameFile(path: string, other: string): boolean;
  /**
   * Writes a new file of `sizeBytes`, whole or not at all: an older file of that name stays as it is until the new one
   * is complete. Where `fill` throws, so does this, and nothing is left behind.
   */
  writeWhole(path: string, sizeBytes: number, fill: (sink: BlockSink) => void): BlockWriting;
  /** Begins a new file that is written piece by piece; an older one of that name stays until it is finished. */
  beginWhole(path: string): BlockBeginning;
}

/** An image kept in memory. */
export class MemoryBlockSource implements BlockSource {
  constructor(private readonly bytes: Uint8Array) {}

  get sizeBytes(): number {
    return this.bytes.length;
  }

  read(offset: number, target: Uint8Array): boolean {
    if (offset < 0 || offset + target.length > this.bytes.length) return false;
    target.set(this.bytes.subarray(offset, offset + target.length));
    return true;
  }
}

/** Images kept in memory by path, for tests and for hosts without a file system. */
export class MemoryBlockFiles implements BlockFiles {
  constructor(private readonly files = new Map<string, Uint8Array>()) {}

  open(path: string): BlockOpening {
    const bytes = this.files.get(path);
    if (bytes === undefined) return { kind: 'missing' };
    return { kind: 'opened', path, source: new MemoryBlockSource(bytes) };
  }

  /** There are no folders here. */
  openBeside(_child: string, path: string): BlockOpening {
    return this.open(path);
  }

  isSameFile(path: string, other: string): boolean {
    return path === other && this.files.has(path);
  }

  writeWhole(path: string, sizeBytes: number, fill: (sink: BlockSink) => void): BlockWriting {
    const bytes = new Uint8Array(sizeBytes);
    fill({ write: (offset, data) => bytes.set(data, offset) });
    this.files.set(path, bytes);
    return { kind: 'written' };
  }

  beginWhole(path: string): BlockBeginning {
    const parts: (readonly [offset: number, bytes: Uint8Array])[] = [];
    const fill = (sink: BlockSink): void => {
      for (const [offset, bytes] of parts) sink.write(offset, bytes);
    };
    const file = {
      write: (offset: number, bytes: Uint8Array) => void parts.push([offset, bytes.slice()]),
      finish: (sizeBytes: number) => this.writeWhole(path, sizeBytes, fill),
      abandon: () => void parts.splice(0),
    };
    return { kind: 'begun', file };
  }
}

const hashedAtOnce = 1024 * 1024;

/**
 * Names the content of an image: equal contents have equal names, on every host.
 * @returns undefined where the host could not read it all
 */
export function hashBlocks(source: BlockSource): string | undefined {
  const hash = new StateHash();
  const piece = new Uint8Array(Math.min(hashedAtOnce, source.sizeBytes));
  for (let at = 0; at < source.sizeBytes; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, source.sizeBytes - at));
    if (!source.read(at, part)) return undefined;
    hash.update(part);
  }
  return hash.digest();
}
