/**
 * Which record belongs to each byte of a code page. A table leads to blocks, each of them with the places of a few
 * bytes: most of a page's bytes begin no instruction that runs, and memory that is never used costs the host nothing.
 */

const pageBytes = 4096;
/** By how much an offset is shifted to be, with the lower bits clear, that of its block's address in a table. */
export const blockShift = 4;
/** A table has an address of a block for every so many bytes of a page. */
const blockPlaces = 4 << blockShift;
/** Of a block, whose places are addresses of records, or 0. */
export const blockBytes = blockPlaces * 4;
const blocksOfPage = pageBytes / blockPlaces;
export const offsetTableBytes = blocksOfPage * 4;

/** Blocks that the instructions of so many bytes may need. */
export function blocksFor(bytes: number): number {
  return Math.min(blocksOfPage, Math.ceil(bytes / blockPlaces) + 1);
}

export class OffsetTables {
  /**
   * @param words the space, from address 0 on
   * @param allocate makes room for so many bytes; whatever was there before
   * @param emptyBlock address of a block without records, in which nothing is ever put
   */
  constructor(
    private readonly words: Int32Array,
    private readonly allocate: (bytes: number) => number,
    private readonly emptyBlock: number,
  ) {}

  /** Address of a new table, which has no records. */
  make(): number {
    const table = this.allocate(offsetTableBytes);
    this.words.fill(this.emptyBlock, table >>> 2, (table + offsetTableBytes) >>> 2);
    return table;
  }

  /** Record of the instruction at an offset, or 0. */
  recordAt(table: number, offset: number): number {
    return this.words[(this.blockOf(table, offset) >>> 2) + (offset % blockPlaces)] ?? 0;
  }

  /** Address of an offset's place, for a record to be put there. */
  placeOf(table: number, offset: number): number {
    let block = this.blockOf(table, offset);
    if (block === this.emptyBlock) {
      block = this.allocate(blockBytes);
      this.words.fill(0, block >>> 2, (block + blockBytes) >>> 2);
      this.words[(table >>> 2) + Math.floor(offset / blockPlaces)] = block;
    }
    return block + (offset % blockPlaces) * 4;
  }

  setRecord(table: number, offset: number, record: number): void {
    this.words[this.placeOf(table, offset) >>> 2] = record;
  }

  /** Writes the records of a table by offset. @returns how many */
  list(table: number, records: Int32Array): number {
    const { words, emptyBlock } = this;
    let count = 0;
    for (let index = 0; index < blocksOfPage; index++) {
      const block = words[(table >>> 2) + index] ?? 0;
      if (block === emptyBlock) continue;
      for (let place = 0; place < blockPlaces; place++) {
        const record = words[(block >>> 2) + place] ?? 0;
        if (record !== 0) records[count++] = record;
      }
    }
    return count;
  }

  /** Forgets the records of a table. */
  clear(table: number): void {
    const { words, emptyBlock } = this;
    for (let index = 0; index < blocksOfPage; index++) {
      const block = words[(table >>> 2) + index] ?? 0;
      if (block !== emptyBlock) words.fill(0, block >>> 2, (block + blockBytes) >>> 2);
    }
  }

  private blockOf(table: number, offset: number): number {
    return this.words[(table >>> 2) + Math.floor(offset / blockPlaces)] ?? 0;
  }
}
