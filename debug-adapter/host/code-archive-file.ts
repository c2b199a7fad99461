/** Code of one guest as a file: modules, which regions they have, the machine code of the modules, and decoded records. */
import { hash } from 'node:crypto';
import type {
  ArchivedPage,
  ArchivedRecords,
  ArchivedRegion,
  CodeArchive,
  RecordSource,
  RegionRecord,
} from '../machine/code-archive';

/** A region in the file: digest of its page, index of the mode, first and last offset, then offset and id of each entry. */
type RegionRow = readonly [string, number, number, number, ...number[]];

/** A module in the file: lengths of its bytes and of its machine code, which follow one another, and its regions. */
interface ModuleRow {
  readonly bytes: number;
  readonly code: number;
  readonly regions: readonly RegionRow[];
}

/** Records in the file, behind the modules: digest of their page, index of the mode, and their bytes. */
type RecordsRow = readonly [string, number, number];

interface Index {
  readonly modules: readonly ModuleRow[];
  readonly records: readonly RecordsRow[];
}

interface KeptRecords extends ArchivedRecords {
  /** Whether this process has found or made them. */
  isUsed: boolean;
}

/** What there is of a page. */
interface KeptPage {
  readonly regions: ArchivedRegion[];
  readonly records: KeptRecords[];
}

const nothing: ArchivedPage = { regions: [], records: [] };

interface KeptModule {
  readonly bytes: Uint8Array;
  readonly regions: readonly RegionRow[];
  /** Whether this process has found or made it. */
  isUsed: boolean;
}

/** Who knows the machine code of modules. */
export interface CodeKeeper {
  /** Says which machine code belongs to a module that may be installed. */
  provide(module: Uint8Array, code: Uint8Array): void;
  /** The machine code of a module as it is now; undefined where there is none worth keeping. */
  codeOf(module: Uint8Array): Uint8Array | undefined;
  /** Whether the engine has taken machine code that was provided. */
  hasMachineCode(module: Uint8Array): boolean;
}

export interface ArchiveLimits {
  readonly regions: number;
  /** Of modules and their machine code. */
  readonly bytes: number;
  readonly recordBytes: number;
}

/** The part of the regions, or of the records, that must be new for a file to be worth writing again: a shift. */
const newShift = 4;
const lengthBytes = 4;
const wordBytes = 4;

/** Code of earlier processes, and of this one. */
export class CodeArchiveFile implements CodeArchive {
  private readonly modules = new Map<Uint8Array, KeptModule>();
  private readonly byPage = new Map<string, KeptPage>();
  private readonly sources = new Set<WeakRef<RecordSource>>();
  private regionCount = 0;
  private addedCount = 0;
  /** Of the added ones, those that no file has. */
  private newCount = 0;
  private recordBytes = 0;
  /** Of the records, those that no file has. */
  private newRecordBytes = 0;
  /** Whether anything may be here that its only source has not left itself, and therefore need not find. */
  private hasOtherCode = false;

  /** @param contents what {@link encode} gave, whole and of this version; undefined for nothing */
  constructor(
    private readonly keeper: CodeKeeper,
    private readonly limits: ArchiveLimits,
    contents?: Uint8Array,
  ) {
    if (contents === undefined) return;
    this.decode(contents);
    this.hasOtherCode = true;
  }

  find(page: Uint8Array): ArchivedPage {
    if (!this.hasOtherCode) return nothing;
    const found = this.byPage.get(this.nameOf(page));
    if (found === undefined) return nothing;
    for (const { module } of found.regions) {
      const kept = this.modules.get(module);
      if (kept !== undefined) kept.isUsed = true;
    }
    for (const records of found.records) records.isUsed = true;
    return found;
  }

  add(
    module: Uint8Array,
    regions: readonly (RegionRecord & { readonly page: Uint8Array })[],
  ): void {
    if (this.addedCount + regions.length > this.limits.regions) return;
    this.addedCount += regions.length;
    this.newCount += regions.length;
    const rows = regions.map(({ page, mode, from, to, entries }): RegionRow => {
      const pairs = entries.flatMap(({ offset, id }) => [offset, id]);
      return [this.nameOf(page), mode, from, to, ...pairs];
    });
    this.keep({ bytes: module, regions: rows, isUsed: true });
  }

  /** Its digest. */
  nameOf(page: Uint8Array): string {
    return hash('sha256', page, 'base64');
  }

  addRecords(page: string, { mode, packed }: ArchivedRecords): void {
    const added = this.keepRecords(page, { mode, packed, isUsed: true });
    this.newRecordBytes += Math.max(added, 0);
  }

  addSource(source: RecordSource): void {
    if (this.sources.size > 0 || this.byPage.size > 0) this.hasOtherCode = true;
    this.sources.add(new WeakRef(source));
  }

  /** Takes what has been decoded and not been left yet. */
  collectRecords(): void {
    for (const source of this.sources) {
      const present = source.deref();
      if (present === undefined) this.sources.delete(source);
      else present.leaveRecords();
    }
  }

  /** Whether enough of it is new to be written. */
  get isChanged(): boolean {
    return (
      this.newCount > this.regionCount >>> newShift ||
      this.newRecordBytes > this.recordBytes >>> newShift
    );
  }

  /** Everything, what this process has used first, up to the limits; only what comes later is new then. */
  encode(): readonly Uint8Array[] {
    this.newCount = 0;
    this.newRecordBytes = 0;
    const parts: Uint8Array[] = [];
    const modules = this.encodeModules(parts);
    const text = JSON.stringify({ modules, records: this.encodeRecords(parts) } satisfies Index);
    const index = Buffer.from(text);
    const length = new Uint8Array(lengthBytes);
    new DataView(length.buffer).setUint32(0, index.length, true);
    return [length, index, ...parts];
  }

  private encodeModules(parts: Uint8Array[]): readonly ModuleRow[] {
    const { limits, keeper } = this;
    const rows: ModuleRow[] = [];
    let regionsLeft = limits.regions;
    let bytesLeft = limits.bytes;
    for (const { bytes, regions } of usedFirst(this.modules.values())) {
      const code = keeper.codeOf(bytes) ?? new Uint8Array(0);
      regionsLeft -= regions.length;
      bytesLeft -= bytes.length + code.length;
      if (regionsLeft < 0 || bytesLeft < 0) break;
      rows.push({ bytes: bytes.length, code: code.length, regions });
      parts.push(bytes, code);
    }
    return rows;
  }

  private encodeRecords(parts: Uint8Array[]): readonly RecordsRow[] {
    const rows: RecordsRow[] = [];
    let bytesLeft = this.limits.recordBytes;
    const all = [...this.byPage].flatMap(([page, { records }]) =>
      records.map(({ mode, packed, isUsed }) => ({ page, mode, packed, isUsed })),
    );
    for (const { page, mode, packed } of usedFirst(all)) {
      bytesLeft -= packed.byteLength;
      if (bytesLeft < 0) break;
      rows.push([page, mode, packed.byteLength]);
      parts.push(new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength));
    }
    return rows;
  }

  private decode(contents: Uint8Array): void {
    const { buffer, byteOffset } = contents;
    const indexEnd = lengthBytes + new DataView(buffer, byteOffset).getUint32(0, true);
    const text = Buffer.from(buffer, byteOffset + lengthBytes, indexEnd - lengthBytes).toString();
    // The file is whole and its name has the version that wrote it.
    const { modules, records } = JSON.parse(text) as Index;
    let at = indexEnd;
    for (const row of modules) {
      const bytes = contents.subarray(at, at + row.bytes);
      const code = contents.subarray(at + row.bytes, at + row.bytes + row.code);
      at += row.bytes + row.code;
      if (code.length > 0) this.keeper.provide(bytes, code);
      this.keep({ bytes, regions: row.regions, isUsed: false });
    }
    const recordWords = new Int32Array(contents.slice(at).buffer);
    let word = 0;
    for (const [page, mode, bytes] of records) {
      const packed = recordWords.subarray(word, word + bytes / wordBytes);
      word += packed.length;
      this.keepRecords(page, { mode, packed, isUsed: false });
    }
  }

  private keep(kept: KeptModule): void {
    const { bytes, regions } = kept;
    this.modules.set(bytes, kept);
    this.regionCount += regions.length;
    regions.forEach(([page, mode, from, to, ...pairs], index) => {
      const entries = [];
      for (let at = 0; at + 1 < pairs.length; at += 2) {
        entries.push({ offset: pairs[at] ?? 0, id: pairs[at + 1] ?? 0 });
      }
      this.pageOf(page).regions.push({ module: bytes, index, mode, from, to, entries });
    });
  }

  /** @returns by how many bytes the records have grown */
  private keepRecords(digest: string, kept: KeptRecords): number {
    const { records } = this.pageOf(digest);
    const place = records.findIndex(({ mode }) => mode === kept.mode);
    const known = records[place];
    if (known !== undefined && known.packed.length > kept.packed.length) {
      known.isUsed ||= kept.isUsed;
      return 0;
    }
    const grown = kept.packed.byteLength - (known?.packed.byteLength ?? 0);
    if (this.recordBytes + grown > this.limits.recordBytes) return 0;
    this.recordBytes += grown;
    if (known === undefined) records.push(kept);
    else records[place] = kept;
    return grown;
  }

  private pageOf(digest: string): KeptPage {
    const known = this.byPage.get(digest);
    if (known !== undefined) return known;
    const page = { regions: [], records: [] };
    this.byPage.set(digest, page);
    return page;
  }
}

function usedFirst<T extends { readonly isUsed: boolean }>(all: Iterable<T>): readonly T[] {
  return [...all].sort((a, b) => Number(b.isUsed) - Number(a.isUsed));
}
