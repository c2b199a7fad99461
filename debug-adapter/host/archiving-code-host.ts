/**
 * A host of code that keeps in the user's cache folder what was decoded and translated: the interpreter, and the code of
 * each set of images. The names of files have the versions of translator and engine in them, so that others find none.
 */
import { crc32 } from 'node:zlib';
import type { CodeArchive } from '../machine/code-archive';
import type { CodeHost } from '../machine/code-space';
import { CodeArchiveFile, type CodeKeeper } from './code-archive-file';
import type { KeptFiles } from './kept-files';

const archiveLimits = {
  regions: 6000,
  bytes: 128 * 1024 * 1024,
  recordBytes: 32 * 1024 * 1024,
};

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
    const known = this.modules.get(name);
    if (known !== undefined) return known.bytes;
    const bytes = this.inner.keptModule?.(name, make) ?? make();
    // The version in its name is that of what makes the module as well.
    const code = this.files.read(this.fileOf(name));
    if (code !== undefined) this.keeper.provide(bytes, code);
    this.modules.set(name, { bytes, hadCode: code !== undefined });
    return bytes;
  }

  isOptimized(module: Uint8Array): boolean {
    return this.keeper.hasMachineCode(module);
  }

  openArchive(images: readonly Uint8Array[]): CodeArchive {
    const name = archiveName(images);
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
      this.files.write(this.fileOf(name), [code]);
      this.modules.set(name, { bytes, hadCode: true });
    }
    for (const [name, archive] of this.archives) {
      archive.collectRecords();
      if (archive.isChanged) this.files.write(this.fileOf(name), archive.encode());
    }
  }

  private fileOf(name: string): string {
    return `${name}-${this.version}`;
  }
}

/**
 * The same for the same images. Other images may share a name at worst: what an archive has goes by the bytes of pages,
 * and a sum is made of an image of any size in no time.
 */
function archiveName(images: readonly Uint8Array[]): string {
  const sums = Uint32Array.from(images.flatMap((image) => [image.length, crc32(image)]));
  return `images-${sums.length / 2}-${crc32(new Uint8Array(sums.buffer)).toString(16)}`;
}
