/** Rows of the log that were fetched, in pages; says which pages are still needed. */

/** Rows of one request; the adapter answers at most 500. */
export const rowsPerPage = 200;

/** Pages kept; enough for several screens in each direction. */
const maxPages = 64;

export class RowCache<Row> {
  private readonly pages = new Map<number, readonly Row[]>();

  clear(): void {
    this.pages.clear();
  }

  rowAt(index: number): Row | undefined {
    return this.pages.get(Math.floor(index / rowsPerPage))?.[index % rowsPerPage];
  }

  /** Keeps the rows of one page and forgets the page farthest from it when there are too many. */
  store(page: number, rows: readonly Row[]): void {
    this.pages.set(page, rows);
    if (this.pages.size <= maxPages) return;
    let farthest = page;
    for (const known of this.pages.keys()) {
      if (Math.abs(known - page) > Math.abs(farthest - page)) farthest = known;
    }
    this.pages.delete(farthest);
  }

  /** Pages that hold rows `first` to `end - 1` of `total` and are missing or not full although they could be. */
  missingPages(first: number, end: number, total: number): number[] {
    const missing: number[] = [];
    const last = Math.min(end, total) - 1;
    for (let page = Math.floor(first / rowsPerPage); page * rowsPerPage <= last; page++) {
      const expected = Math.min(rowsPerPage, total - page * rowsPerPage);
      if ((this.pages.get(page)?.length ?? 0) < expected) missing.push(page);
    }
    return missing;
  }
}
