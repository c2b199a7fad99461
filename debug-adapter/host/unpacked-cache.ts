/** Keeps unpacked kernels on disk under the hash of what they were packed as, so that none is unpacked at every start. */
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CompressionFormat, Decompressor, Unpacked } from '../backends/decompressor';

/** How much is kept; what was used least recently goes first. */
export interface CacheLimits {
  readonly files: number;
  readonly bytes: number;
  /** What unpacks faster than a file is found. */
  readonly worthwhileBytes: number;
}

const usualLimits: CacheLimits = {
  files: 8,
  bytes: 512 * 1024 * 1024,
  worthwhileBytes: 1024 * 1024,
};

const trailerBytes = 32;
const suffix = '.unpacked';
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

/** Asks the folder before it unpacks. Whatever is wrong with the folder, the outcome is as without it. */
export class CachingDecompressor implements Decompressor {
  constructor(
    private readonly inner: Decompressor,
    private readonly folder: string,
    private readonly limits: CacheLimits = usualLimits,
  ) {}

  unpack(format: CompressionFormat, packed: Uint8Array, limitBytes: number): Unpacked {
    if (packed.length < this.limits.worthwhileBytes) {
      return this.inner.unpack(format, packed, limitBytes);
    }
    const hash = createHash('sha256').update(packed).digest('hex');
    const path = join(this.folder, `${format}-${hash}${suffix}`);
    const kept = readKept(path);
    if (kept !== undefined && kept.length <= limitBytes) return { kind: 'unpacked', bytes: kept };
    const outcome = this.inner.unpack(format, packed, limitBytes);
    if (outcome.kind === 'unpacked') this.keep(path, outcome.bytes);
    return outcome;
  }

  /** Under another name until it is whole: a crash in between leaves no half of a kernel. */
  private keep(path: string, bytes: Uint8Array): void {
    const unfinished = `${path}.${process.pid}`;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      writeFileSync(unfinished, bytes, { mode: 0o600 });
      writeFileSync(unfinished, digestOf(bytes), { flag: 'a' });
      renameSync(unfinished, path);
      this.trim();
    } catch {
      // A full or read-only disk costs time at the next start, nothing else.
      discard(unfinished);
    }
  }

  private trim(): void {
    const files = readdirSync(this.folder)
      .filter((name) => name.includes(suffix))
      .map((name) => {
        const { size, mtimeMs } = statSync(join(this.folder, name));
        return { name, size, mtimeMs };
      })
      .sort((a, b) => b.mtimeMs - a.mtimeMs);
    let bytes = 0;
    let count = 0;
    for (const { name, size, mtimeMs } of files) {
      const isWhole = name.endsWith(suffix);
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

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Then there is no folder for it to be in.
  }
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** The bytes of a file that is whole; undefined where there is none. */
function readKept(path: string): Uint8Array | undefined {
  try {
    const { buffer, byteOffset, length } = readFileSync(path);
    const size = length - trailerBytes;
    if (size < 0) return undefined;
    const bytes = new Uint8Array(buffer, byteOffset, size);
    const digest = Buffer.from(buffer, byteOffset + size, trailerBytes);
    if (!digest.equals(digestOf(bytes))) return undefined;
    const now = new Date();
    utimesSync(path, now, now);
    return bytes;
  } catch {
    return undefined;
  }
}
