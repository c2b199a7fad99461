/** The port through which decoded and translated code outlives a process: what one run has made, a later one finds. */

/** What is said of a translated region apart from its code. */
export interface RegionRecord {
  /** Index of the code mode. */
  readonly mode: number;
  /** Blocks at which it may be entered: offset in the page, and id. */
  readonly entries: readonly { readonly offset: number; readonly id: number }[];
  /** Page offset of its first instruction. */
  readonly from: number;
  /** Page offset of its last instruction. */
  readonly to: number;
}

/** A region that an earlier run has left. */
export interface ArchivedRegion extends RegionRecord {
  /** The module that has it: one object for all its regions. */
  readonly module: Uint8Array;
  /** Which of the module's functions it is. */
  readonly index: number;
}

/** Decoded instructions of a page in one mode. */
export interface ArchivedRecords {
  /** Index of the code mode. */
  readonly mode: number;
  /** As the code cache packs them. */
  readonly packed: Int32Array;
}

/** What earlier runs have left of the code of a page. */
export interface ArchivedPage {
  readonly regions: readonly ArchivedRegion[];
  readonly records: readonly ArchivedRecords[];
}

/** Who decodes code, and leaves it when the archive is written. */
export interface RecordSource {
  /** Calls {@link CodeArchive.addRecords} for what the archive has not got yet. */
  leaveRecords(): void;
}

/** Code by the bytes of its page. It holds wherever a page has these bytes, so a machine does the same with and without. */
export interface CodeArchive {
  /** What earlier runs have left of a page with these 4096 bytes. */
  find(page: Uint8Array): ArchivedPage;

  /** Takes a module whose functions are these regions, each with the bytes of its page. */
  add(module: Uint8Array, regions: readonly (RegionRecord & { readonly page: Uint8Array })[]): void;

  /** The name of every page with these 4096 bytes. */
  nameOf(page: Uint8Array): string;

  /** Takes what has been decoded of a page, by its name, in a mode, unless there is more of it. */
  addRecords(page: string, records: ArchivedRecords): void;

  /** Asks this one before the archive is written, if it is still there then. */
  addSource(source: RecordSource): void;
}
