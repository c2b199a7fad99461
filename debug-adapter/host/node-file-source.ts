/** Reads files of the local file system. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { FileRead, FileSource } from '../backends/file-source';
import { readWhole } from './whole-file';

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function readFile(path: string, limitBytes: number): FileRead {
  try {
    const status = statSync(path);
    if (status.isDirectory()) return { kind: 'directory' };
    if (!status.isFile()) return { kind: 'failed', message: 'it is not a regular file' };
    if (status.size > limitBytes) {
      return { kind: 'failed', message: `it has ${status.size} bytes, more than ${limitBytes}` };
    }
    return { kind: 'read', bytes: readWhole(path) };
  } catch (error) {
    return failure(error);
  }
}

function readRange(path: string, offset: number, length: number): FileRead {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      const count = bytes.length === 0 ? 0 : readSync(descriptor, bytes, 0, bytes.length, offset);
      return { kind: 'read', bytes: bytes.subarray(0, count) };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): FileRead {
  const code = errorCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
  if (code === 'EISDIR') return { kind: 'directory' };
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
}

/** A path that means the same file from any folder. */
export function absolutePath(path: string): string {
  return resolve(path);
}

/** The files of this computer. */
export const nodeFileSource: FileSource = {
  read: readFile,
  readRange,
  isFile: (path) => {
    try {
      return statSync(path).isFile();
    } catch {
      return false;
    }
  },
};
