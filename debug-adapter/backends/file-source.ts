/** The port through which images and sources are read; reading is synchronous and reports, never throws. */

/** Outcome of reading a file. */
export type FileRead =
  | { readonly kind: 'read'; readonly bytes: Uint8Array }
  | { readonly kind: 'missing' }
  | { readonly kind: 'directory' }
  /** The file exists but cannot be read, or is larger than the limit; `message` says why. */
  | { readonly kind: 'failed'; readonly message: string };

/** Reads files. Paths are the operating system's. */
export interface FileSource {
  /** @param limitBytes files larger than this are refused with `failed` */
  read(path: string, limitBytes: number): FileRead;
  /** Part of a file from `offset` on; `length` bytes, or fewer where the file ends. */
  readRange(path: string, offset: number, length: number): FileRead;
  /** True where `path` names an existing file (not a directory). */
  isFile(path: string): boolean;
}

/** Files kept in memory, for tests and for hosts without a file system. */
export class MemoryFileSource implements FileSource {
  constructor(private readonly files: ReadonlyMap<string, Uint8Array>) {}

  read(path: string, limitBytes: number): FileRead {
    const bytes = this.files.get(path);
    if (bytes === undefined) return { kind: 'missing' };
    if (bytes.length > limitBytes) {
      return { kind: 'failed', message: `${bytes.length} bytes are more than ${limitBytes}` };
    }
    return { kind: 'read', bytes };
  }

  readRange(path: string, offset: number, length: number): FileRead {
    const bytes = this.files.get(path);
    if (bytes === undefined) return { kind: 'missing' };
    return { kind: 'read', bytes: bytes.subarray(offset, offset + length) };
  }

  isFile(path: string): boolean {
    return this.files.has(path);
  }
}
