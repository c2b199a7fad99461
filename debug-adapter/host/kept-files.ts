/** Files in the user's cache folder: each whole or absent, checked when it is read, and the oldest deleted first. */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { readBytes } from './whole-file';

/** How much is kept; what was used least recently goes first. */
export interface KeptLimits {
  readonly files: number;
  readonly bytes: number;
}

/** In front of what a file keeps: its CRC-32, the lowest byte first. Damage is an accident here, not an attack. */
const checksumBytes = 4;
/** What an interrupted run has left behind by then. */
const abandonedMs = 3_600_000;

/** Where programs of this computer keep what they can make again. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  const home = homedir();
  switch (process.platform) {
    case 'win32':
      return join(local ?? join(home, 'AppData', 'Local'), 'hyperscope', 'cache');
    case 'darwin':
      return join(home, 'Library', 'Caches', 'hyperscope');
    default:
      return join(xdg === undefined || xdg === '' ? join(home, '.cache') : xdg, 'hyperscope');
  }
}

/** Files of one kind. Whatever is wrong with the folder or a file, it is as if there were none. */
export class KeptFiles {
  constructor(
    private readonly folder: string,
    /** Behind the name of each file. */
    private readonly suffix: string,
    private readonly limits: KeptLimits,
  ) {}

  /** The bytes that were written under a name, in a buffer of their own; undefined where there are none, or not all. */
  read(name: string): Uint8Array | undefined {
    const path = this.pathOf(name);
    try {
      const bytes = readChecked(path);
      if (bytes === undefined) return undefined;
      const now = new Date();
      utimesSync(path, now, now);
      return bytes;
    } catch {
      return undefined;
    }
  }

  /** Under another name until it is whole: a crash in between leaves no half of a file. */
  write(name: string, parts: readonly Uint8Array[]): void {
    const path = this.pathOf(name);
    const unfinished = `${path}.${process.pid}`;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      writeParts(unfinished, [checksumOf(parts), ...parts]);
      renameSync(unfinished, path);
      this.trim();
    } catch {
      // A full or read-only disk costs time at the next start, nothing else.
      discard(unfinished);
    }
  }

  remove(name: string): void {
    discard(this.pathOf(name));
  }

  private pathOf(name: string): string {
    return join(this.folder, `${name}${this.suffix}`);
  }

  private trim(): void {
    const files = readdirSync(this.folder)
      .filter((name) => name.includes(this.suffix))
      .map((name) => {
        const { size, mtimeMs } = statSync(join(this.folder, name));
        return { name, size, mtimeMs };
      })
      .sort((a, b) => b.mtimeMs - a.mtimeMs);
    let bytes = 0;
    let count = 0;
    for (const { name, size, mtimeMs } of files) {
      const isWhole = name.endsWith(this.suffix);
      if (isWhole) {
        bytes += size;
        count++;
      }
      const isTooMuch = isWhole && (count > this.limits.files || bytes > this.limits.bytes);
      const isAbandoned = !isWhole && Date.now() - mtimeMs > abandonedMs;
      if (isTooMuch || isAbandoned) rmSync(join(this.folder, name), { force: true });
    }
  }
}

function readChecked(path: string): Uint8Array | undefined {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size - checksumBytes;
    if (size < 0) return undefined;
    const checksum = readBytes(file, checksumBytes);
    const bytes = readBytes(file, size);
    return Buffer.compare(checksum, checksumOf([bytes])) === 0 ? bytes : undefined;
  } finally {
    closeSync(file);
  }
}

function writeParts(path: string, parts: readonly Uint8Array[]): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (const part of parts) writeFileSync(file, part);
  } finally {
    closeSync(file);
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Then there is no folder for it to be in.
  }
}

function checksumOf(parts: readonly Uint8Array[]): Uint8Array {
  const checksum = new Uint8Array(checksumBytes);
  const value = parts.reduce((sum, part) => crc32(part, sum), 0);
  new DataView(checksum.buffer).setUint32(0, value, true);
  return checksum;
}
