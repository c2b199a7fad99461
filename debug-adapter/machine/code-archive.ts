/** The port through which translated code outlives a process: what one run has translated, a later one finds. */

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

/**
 * Regions by the bytes of their page. They hold wherever a page has these bytes, so a machine does the same with and
 * without an archive.
 */
export interface CodeArchive {
  /** What earlier runs have left of a page with these 4096 bytes. */
  find(page: Uint8Array): readonly ArchivedRegion[];

  /** Takes a module whose functions are these regions, each with the bytes of its page. */
  add(module: Uint8Array, regions: readonly (RegionRecord & { readonly page: Uint8Array })[]): void;
}
