/** Reads included files from disk. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FileReader } from './workspace';

/** An include larger than this is no source text. */
const maximumBytes = 4 * 1024 * 1024;

export const nodeFileReader: FileReader = {
  read(uri) {
    if (!uri.startsWith('file:')) return undefined;
    try {
      const path = fileURLToPath(uri);
      const { size, mtimeMs } = statSync(path);
      if (size > maximumBytes) return undefined;
      return { text: readFileSync(path, 'utf8'), version: `${size} ${mtimeMs}` };
    } catch {
      // Not there, not readable, or no file: to an include they are all the same.
      return undefined;
    }
  },
};
