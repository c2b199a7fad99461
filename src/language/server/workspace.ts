/** The source files that are open or included, each parsed once per version. */
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { Program } from './program';
import { SourceFile } from './source-file';

/** Reads files that no editor has open. */
export interface FileReader {
  /** @returns undefined where there is no such file, or it is too large */
  read(uri: string): { readonly text: string; readonly version: string } | undefined;
}

/** How many folders upwards an include is searched. */
const maximumAncestors = 6;

/** Folders, relative to the folder of the including file and those above it, in which an include is searched. */
const includeFolders = ['', 'include/', 'guests/include/'];

interface CachedFile {
  readonly version: string;
  readonly file: SourceFile;
}

export class Workspace {
  private readonly open = new Map<string, SourceFile>();
  private readonly closed = new Map<string, CachedFile>();

  constructor(private readonly reader: FileReader) {}

  /** Takes note of a new version of an open document. */
  update(document: TextDocument): void {
    this.open.set(document.uri, new SourceFile(document));
  }

  close(uri: string): void {
    this.open.delete(uri);
  }

  openUris(): readonly string[] {
    return [...this.open.keys()];
  }

  /** The program whose main file is an open document; undefined where it is not open. */
  program(uri: string): Program | undefined {
    const main = this.open.get(uri);
    if (main === undefined) return undefined;
    return new Program(main, (from, path) => this.resolveInclude(from, path));
  }

  private resolveInclude(from: SourceFile, path: string): SourceFile | undefined {
    if (path === '' || path.includes('\0')) return undefined;
    for (const candidate of includeCandidates(from.uri, path)) {
      const file = this.open.get(candidate) ?? this.readClosed(candidate);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  private readClosed(uri: string): SourceFile | undefined {
    const contents = this.reader.read(uri);
    if (contents === undefined) {
      this.closed.delete(uri);
      return undefined;
    }
    const cached = this.closed.get(uri);
    if (cached?.version === contents.version) return cached.file;
    const file = SourceFile.of(uri, contents.text);
    this.closed.set(uri, { version: contents.version, file });
    return file;
  }
}

/** Where an include may be, best first. */
function includeCandidates(fromUri: string, path: string): string[] {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const candidates: string[] = [];
  let folder = fromUri.slice(0, fromUri.lastIndexOf('/') + 1);
  for (let level = 0; level < maximumAncestors && folder.length > 'file:///'.length; level++) {
    for (const include of includeFolders) candidates.push(normalize(folder + include + encoded));
    folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
  }
  return [...new Set(candidates)];
}

/** Takes `./` and `../` out of a URI. */
function normalize(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri;
}
