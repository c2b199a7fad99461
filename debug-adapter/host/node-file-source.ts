/** Reads files of the local file system. */
import { readFileSync, statSync } from 'node:fs';
import type { FileRead, FileSource } from '../backends/file-source';

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
    return { kind: 'read', bytes: new Uint8Array(readFileSync(path)) };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

/** The files of this computer. */
export const nodeFileSource: FileSource = {
  read: readFile,
  isFile: (path) => {
    try {
      return statSync(path).isFile();
    } catch {
      return false;
    }
  },
};
