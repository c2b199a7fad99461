/** Maps source paths as recorded in an image to local files, and back. */
import type { FileSource } from '../../backends/file-source';

/** Replaces a leading `from` of a recorded path by `to`. */
export interface SourcePathRule {
  readonly from: string;
  readonly to: string;
}

const maxParents = 12;

function isAbsolute(path: string): boolean {
  return path.startsWith('/') || path.startsWith('\\\\') || /^[A-Za-z]:[\\/]/.test(path);
}

/** Forward slashes, no `.` and no resolvable `..`; the drive letter in upper case. */
export function normalizePath(path: string): string {
  const slashed = path.replaceAll('\\', '/').replace(/^[a-z]:/, (drive) => drive.toUpperCase());
  const rooted = slashed.startsWith('/');
  const parts: string[] = [];
  for (const part of slashed.split('/')) {
    if (part === '' || part === '.') continue;
    const last = parts.at(-1);
    if (part === '..' && last !== undefined && last !== '..') parts.pop();
    else if (part !== '..' || !rooted) parts.push(part);
  }
  return (rooted ? '/' : '') + parts.join('/');
}

/** The folder of a path, without a trailing slash. */
export function directoryOf(path: string): string {
  const normal = normalizePath(path);
  const slash = normal.lastIndexOf('/');
  return slash <= 0 ? normal.slice(0, slash + 1) : normal.slice(0, slash);
}

/** The last part of a path. */
export function fileNameOf(path: string): string {
  const normal = normalizePath(path);
  return normal.slice(normal.lastIndexOf('/') + 1);
}

function applyRules(path: string, rules: readonly SourcePathRule[]): string {
  for (const { from, to } of rules) {
    const prefix = from.replaceAll('\\', '/').replace(/\/$/, '');
    if (path === prefix) return to;
    if (prefix === '' || path.startsWith(`${prefix}/`)) {
      return `${to.replace(/[\\/]$/, '')}/${prefix === '' ? path : path.slice(prefix.length + 1)}`;
    }
  }
  return path;
}

/** Recorded path ↔ local path for the files of one image. */
export class SourcePaths {
  private readonly localByRecorded = new Map<string, string>();
  private readonly recordedByLocal = new Map<string, string>();

  /**
   * @param programPath path of the image; relative names are tried against its folder and that folder's parents
   */
  constructor(
    recorded: readonly string[],
    rules: readonly SourcePathRule[],
    programPath: string,
    private readonly files: FileSource,
  ) {
    for (const path of recorded) {
      const local = this.resolve(path, rules, programPath);
      this.localByRecorded.set(path, local);
      this.recordedByLocal.set(local, path);
    }
  }

  /** Local path of a recorded one; it need not exist. */
  localOf(recorded: string): string {
    return this.localByRecorded.get(recorded) ?? recorded;
  }

  /** Recorded path of a local one; where no path is equal, a unique longest common ending decides. */
  recordedOf(local: string): string | undefined {
    const normal = normalizePath(local);
    const exact = this.recordedByLocal.get(normal);
    if (exact !== undefined) return exact;
    const name = fileNameOf(normal).toLowerCase();
    const candidates = [...this.localByRecorded.keys()].filter(
      (path) => fileNameOf(path).toLowerCase() === name,
    );
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  exists(local: string): boolean {
    return this.files.isFile(local);
  }

  private resolve(path: string, rules: readonly SourcePathRule[], programPath: string): string {
    const mapped = applyRules(path.replaceAll('\\', '/'), rules);
    if (isAbsolute(mapped)) return normalizePath(mapped);
    let folder = directoryOf(programPath);
    const first = normalizePath(`${folder}/${mapped}`);
    for (let step = 0; step < maxParents; step++) {
      const candidate = normalizePath(`${folder}/${mapped}`);
      if (this.files.isFile(candidate)) return candidate;
      const parent = directoryOf(folder);
      if (parent === folder) break;
      folder = parent;
    }
    const beside = normalizePath(`${directoryOf(programPath)}/${fileNameOf(mapped)}`);
    return this.files.isFile(beside) ? beside : first;
  }
}
