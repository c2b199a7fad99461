/** Translated code of one guest as a file: modules, which regions they have, and the machine code of the modules. */
import { createHash } from 'node:crypto';
import type { ArchivedRegion, CodeArchive, RegionRecord } from '../machine/code-archive';

/** A region in the file: digest of its page, index of the mode, first and last offset, then offset and id of each entry. */
type RegionRow = readonly [string, number, number, number, ...number[]];

/** A module in the file: lengths of its bytes and of its machine code, which follow one another, and its regions. */
interface ModuleRow {
  readonly bytes: number;
  readonly code: number;
  readonly regions: readonly RegionRow[];
}

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
}

export interface ArchiveLimits {
  readonly regions: number;
  readonly bytes: number;
}

/** The part of the regions that must be new for a file to be worth writing again: a shift. */
const newShift = 4;
const lengthBytes = 4;

function digestOf(page: Uint8Array): string {
  return createHash('sha256').update(page).digest('base64');
}

/** Regions of earlier processes, and those of this one. */
export class CodeArchiveFile implements CodeArchive {
  private readonly modules = new Map<Uint8Array, KeptModule>();
  private readonly byPage = new Map<string, ArchivedRegion[]>();
  private regionCount = 0;
  private addedCount = 0;
  /** Of the added ones, those that no file has. */
  private newCount = 0;

  /** @param contents what {@link encode} gave, whole and of this version; undefined for nothing */
  constructor(
    private readonly keeper: CodeKeeper,
    private readonly limits: ArchiveLimits,
    contents?: Uint8Array,
  ) {
    if (contents !== undefined) this.decode(contents);
  }

  find(page: Uint8Array): readonly ArchivedRegion[] {
    if (this.regionCount === 0) return [];
    const found = this.byPage.get(digestOf(page)) ?? [];
    for (const { module } of found) {
      const kept = this.modules.get(module);
      if (kept !== undefined) kept.isUsed = true;
    }
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
      return [digestOf(page), mode, from, to, ...pairs];
    });
    this.keep({ bytes: module, regions: rows, isUsed: true });
  }

  /** Whether enough of it is new to be written. */
  get isChanged(): boolean {
    return this.newCount > this.regionCount >>> newShift;
  }

  /** Everything, what this process has used first, up to the limits; only what comes later is new then. */
  encode(): readonly Uint8Array[] {
    const { limits, keeper } = this;
    this.newCount = 0;
    const rows: ModuleRow[] = [];
    const parts: Uint8Array[] = [];
    let regionsLeft = limits.regions;
    let bytesLeft = limits.bytes;
    const byUse = [...this.modules.values()].sort((a, b) => Number(b.isUsed) - Number(a.isUsed));
    for (const { bytes, regions } of byUse) {
      const code = keeper.codeOf(bytes) ?? new Uint8Array(0);
      regionsLeft -= regions.length;
      bytesLeft -= bytes.length + code.length;
      if (regionsLeft < 0 || bytesLeft < 0) break;
      rows.push({ bytes: bytes.length, code: code.length, regions });
      parts.push(bytes, code);
    }
    const index = Buffer.from(JSON.stringify(rows));
    const length = new Uint8Array(lengthBytes);
    new DataView(length.buffer).setUint32(0, index.length, true);
    return [length, index, ...parts];
  }

  private decode(contents: Uint8Array): void {
    const { buffer, byteOffset } = contents;
    const indexEnd = lengthBytes + new DataView(buffer, byteOffset).getUint32(0, true);
    const text = Buffer.from(buffer, byteOffset + lengthBytes, indexEnd - lengthBytes).toString();
    // The file is whole and its name has the version that wrote it.
    const rows = JSON.parse(text) as readonly ModuleRow[];
    let at = indexEnd;
    for (const row of rows) {
      const bytes = contents.subarray(at, at + row.bytes);
      const code = contents.subarray(at + row.bytes, at + row.bytes + row.code);
      at += row.bytes + row.code;
      if (code.length > 0) this.keeper.provide(bytes, code);
      this.keep({ bytes, regions: row.regions, isUsed: false });
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
      const region = { module: bytes, index, mode, from, to, entries };
      const known = this.byPage.get(page);
      if (known === undefined) this.byPage.set(page, [region]);
      else known.push(region);
    });
  }
}
