/**
 * A host of code that keeps in the user's cache folder what was decoded and translated: the interpreter, and the code of
 * each set of images. The names of files have the versions of translator and engine in them, so that others find none.
 */
import { createHash } from 'node:crypto';
import type { CodeArchive } from '../machine/code-archive';
import type { CodeHost } from '../machine/code-space';
import { CodeArchiveFile, type CodeKeeper } from './code-archive-file';
import type { KeptFiles } from './kept-files';

const archiveLimits = {
  regions: 6000,
  bytes: 128 * 1024 * 1024,
  recordBytes: 32 * 1024 * 1024,
};
const lengthBytes = 4;

/** A module that has a name, and whether its machine code was on disk. */
interface NamedModule {
  readonly bytes: Uint8Array;
  readonly hadCode: boolean;
}

export class ArchivingCodeHost implements CodeHost {
  readonly createSpace: CodeHost['createSpace'];
  private readonly archives = new Map<string, CodeArchiveFile>();
  private readonly modules = new Map<string, NamedModule>();

  constructor(
    private readonly inner: CodeHost,
    private readonly keeper: CodeKeeper,
    private readonly files: KeptFiles,
    private readonly version: string,
  ) {
    this.createSpace = (layout, imports) => inner.createSpace(layout, imports);
  }

  keptModule(name: string, make: () => Uint8Array): Uint8Array {
    const known = this.modules.get(name) ?? this.readModule(name);
    const bytes = known?.bytes ?? this.inner.keptModule?.(name, make) ?? make();
    const module = known ?? { bytes, hadCode: false };
    this.modules.set(name, module);
    return module.bytes;
  }

  isOptimized(module: Uint8Array): boolean {
    return this.keeper.hasMachineCode(module);
  }

  openArchive(images: readonly Uint8Array[]): CodeArchive {
    const hash = createHash('sha256');
    for (const image of images) hash.update(createHash('sha256').update(image).digest());
    const name = hash.digest('hex').slice(0, 32);
    const archive =
      this.archives.get(name) ??
      new CodeArchiveFile(this.keeper, archiveLimits, this.files.read(this.fileOf(name)));
    this.archives.set(name, archive);
    return archive;
  }

  /** Writes what is new; for the end of a process. */
  save(): void {
    for (const [name, { bytes, hadCode }] of this.modules) {
      const code = hadCode ? undefined : this.keeper.codeOf(bytes);
      if (code === undefined) continue;
      const length = new Uint8Array(lengthBytes);
      new DataView(length.buffer).setUint32(0, bytes.length, true);
      this.files.write(this.fileOf(name), [length, bytes, code]);
      this.modules.set(name, { bytes, hadCode: true });
    }
    for (const [name, archive] of this.archives) {
      archive.collectRecords();
      if (archive.isChanged) this.files.write(this.fileOf(name), archive.encode());
    }
  }

  private readModule(name: string): NamedModule | undefined {
    const contents = this.files.read(this.fileOf(name));
    if (contents === undefined) return undefined;
    const { buffer, byteOffset } = contents;
    const codeStart = lengthBytes + new DataView(buffer, byteOffset).getUint32(0, true);
    const bytes = contents.subarray(lengthBytes, codeStart);
    this.keeper.provide(bytes, contents.subarray(codeStart));
    return { bytes, hadCode: true };
  }

  private fileOf(name: string): string {
    return `${name}-${this.version}`;
  }
}
