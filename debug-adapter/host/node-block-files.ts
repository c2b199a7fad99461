/** Disk images of the local file system: read through an open file, written beside the place and then moved there. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type {
  BlockBeginning,
  BlockFiles,
  BlockOpening,
  BlockSink,
  BlockSource,
  BlockWriting,
  UnfinishedBlockFile,
} from '../backends/block-source';

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(ENOENT|ENOTDIR)$/.test(String(error.code));
}

/** A file that stays open as long as the process lives: a machine may ask for its blocks at any time. */
class FileBlockSource implements BlockSource {
  constructor(
    private readonly descriptor: number,
    readonly sizeBytes: number,
  ) {}

  read(offset: number, target: Uint8Array): boolean {
    if (offset < 0 || offset + target.length > this.sizeBytes) return false;
    try {
      for (let done = 0; done < target.length;) {
        const wanted = target.length - done;
        const count = readSync(this.descriptor, target, done, wanted, offset + done);
        if (count === 0) return false;
        done += count;
      }
      return true;
    } catch {
      return false;
    }
  }
}

function open(path: string): BlockOpening {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const status = fstatSync(descriptor);
    if (status.isFile()) {
      return { kind: 'opened', path, source: new FileBlockSource(descriptor, status.size) };
    }
    closeSync(descriptor);
    return { kind: 'failed', message: 'it is not a regular file' };
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    return isMissing(error) ? { kind: 'missing' } : { kind: 'failed', message: messageOf(error) };
  }
}

function writeAll(descriptor: number, offset: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
  }
}

/** A file beside the place that it will have. What the file system refuses is told when it is finished. */
class UnfinishedFile implements UnfinishedBlockFile {
  private refusal: unknown;

  constructor(
    private readonly descriptor: number,
    private readonly unfinished: string,
    private readonly path: string,
  ) {}

  write(offset: number, bytes: Uint8Array): void {
    try {
      if (this.refusal === undefined) writeAll(this.descriptor, offset, bytes);
    } catch (error) {
      this.refusal = error;
    }
  }

  finish(sizeBytes: number): BlockWriting {
    try {
      if (this.refusal !== undefined) throw this.refusal;
      ftruncateSync(this.descriptor, sizeBytes);
      fsyncSync(this.descriptor);
      renameSync(this.unfinished, this.path);
      return { kind: 'written' };
    } catch (error) {
      return { kind: 'failed', message: messageOf(error) };
    } finally {
      this.abandon();
    }
  }

  abandon(): void {
    closeSync(this.descriptor);
    rmSync(this.unfinished, { force: true });
  }
}

function beginWhole(path: string): BlockBeginning {
  const unfinished = `${path}.${process.pid}.part`;
  try {
    const file = new UnfinishedFile(openSync(unfinished, 'wx'), unfinished, path);
    return { kind: 'begun', file };
  } catch (error) {
    return { kind: 'failed', message: messageOf(error) };
  }
}

/** What `fill` throws is the caller's. */
function writeWhole(
  path: string,
  sizeBytes: number,
  fill: (sink: BlockSink) => void,
): BlockWriting {
  const begun = beginWhole(path);
  if (begun.kind === 'failed') return begun;
  try {
    fill(begun.file);
  } catch (error) {
    begun.file.abandon();
    throw error;
  }
  return begun.file.finish(sizeBytes);
}

function isSameFile(path: string, other: string): boolean {
  try {
    const [a, b] = [statSync(path), statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/** The disk images of this computer. */
export const nodeBlockFiles: BlockFiles = {
  open,
  openBeside: (child, path) => open(isAbsolute(path) ? path : join(dirname(child), path)),
  isSameFile,
  writeWhole,
  beginWhole,
};
