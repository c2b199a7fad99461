/** What the pages of all logs know of their rows: pages of them, selection, details, the way to one; no DOM, so it is tested alone. */
import type { LogAnswer, LogQuestion, LogSource } from '../../panels/log-messages';
import { RowCache, rowsPerPage } from './row-cache';
import type { RowMoment } from './row-moment';

/** Its identity is that of its event. */
export interface LogRow extends RowMoment {
  readonly id: string;
}

/** What every answer to a request for rows says. */
export interface RowsBody<Row> {
  /** Rows that pass the filter. */
  readonly total: number;
  /** Recorded since the start. */
  readonly recorded: number;
  readonly rows: readonly Row[];
}

type Pending =
  | { readonly kind: 'page'; readonly page: number }
  | { readonly kind: 'detail'; readonly id: string }
  | { readonly kind: 'place'; readonly id: string };

/** The chosen row; its index moves when the log drops older rows. */
export interface LogSelection<Row> {
  readonly index: number;
  readonly row: Row | undefined;
}

/** A row that was looked for and is here. */
export interface RevealedRow {
  readonly index: number;
  /** The filter did not let it pass and is gone. */
  readonly isFilterCleared: boolean;
}

export abstract class LogRows<
  Row extends LogRow,
  Detail extends { readonly row: Row },
  Body extends RowsBody<Row>,
  Filter,
> {
  source: LogSource = { state: 'none' };
  /** Rows that pass the filter. */
  total = 0;
  recorded = 0;
  dropped = 0;
  selection: LogSelection<Row> | undefined;
  detail: Detail | undefined;
  /** Why the last request failed; cleared by the next answer. */
  failure: string | undefined;
  /** Why a row that was looked for cannot be shown; until something else is looked at. */
  notice = '';
  /** False until the first rows of this source and filter came. */
  loaded = false;

  private readonly cache = new RowCache<Row>();
  private readonly pending = new Map<number, Pending>();
  /** Pages that could not be fetched; not asked for again until something changes. */
  private readonly failedPages = new Set<number>();
  private nextRequest = 1;
  /** The trace grew while an answer was on its way. */
  private refreshAgain = false;
  private wanted: { readonly id: string; index?: number; isFilterCleared: boolean } | undefined;

  constructor(
    private readonly question: (message: LogQuestion<Filter>) => void,
    protected readonly changed: () => void,
  ) {}

  abstract readonly filter: Filter;
  /** Some rows may not pass the filter. */
  abstract get restricts(): boolean;
  /** Why there are no details once the session has ended. */
  protected abstract readonly detailsGone: string;
  /** Takes away what {@link restricts}. */
  protected abstract dropFilter(): void;
  /** Keeps what an answer says besides its rows. @returns false where more is to be asked for */
  protected abstract keep(body: Body): boolean;
  /** Rows that were recorded and are not kept. */
  protected abstract droppedIn(body: Body): number;
  /** Forgets what {@link keep} keeps. */
  protected abstract forget(): void;
  /** The rows of another session are going to be shown. */
  protected sourceChanged(): void {}
  /** Asks for what may have changed besides the rows. */
  protected refreshMore(): void {}

  rowAt(index: number): Row | undefined {
    return this.cache.rowAt(index);
  }

  /** Fetches what is missing of rows `first` to `end - 1`. */
  need(first: number, end: number): void {
    for (const page of this.cache.missingPages(first, end, this.total)) {
      if (!this.failedPages.has(page)) this.fetchPage(page);
    }
  }

  select(index: number): void {
    this.notice = '';
    this.selection = { index, row: this.rowAt(index) };
    this.changed();
  }

  clearSelection(): void {
    this.selection = undefined;
    this.detail = undefined;
    this.changed();
  }

  /** Fetches the details of the chosen row unless they are here or on their way. */
  needDetail(): void {
    const id = this.selection?.row?.id ?? '';
    if (id === '' || this.detail?.row.id === id) return;
    if (this.source.state !== 'live') {
      this.failure = this.detailsGone;
      this.changed();
      return;
    }
    for (const [request, pending] of this.pending) {
      if (pending.kind !== 'detail') continue;
      if (pending.id === id) return;
      this.pending.delete(request);
    }
    this.question({ type: 'fetchDetail', request: this.expect({ kind: 'detail', id }), id });
  }

  /** Looks for a row; {@link takeRevealed} has it when it has come. */
  reveal(id: string): void {
    this.wanted = { id, isFilterCleared: false };
    this.notice = '';
    this.findWanted();
  }

  /** The row that was looked for, once. */
  takeRevealed(): RevealedRow | undefined {
    const { wanted } = this;
    if (wanted?.index === undefined || this.rowAt(wanted.index)?.id !== wanted.id) return undefined;
    this.wanted = undefined;
    return { index: wanted.index, isFilterCleared: wanted.isFilterCleared };
  }

  setSource(source: LogSource): void {
    const before = this.source;
    this.source = source;
    const isSame = before.state !== 'none' && source.state !== 'none' && before.key === source.key;
    if (source.state === 'live') {
      if (!isSame) {
        this.clearRows();
        this.sourceChanged();
      }
      this.refresh();
      this.findWanted();
    } else this.pending.clear();
    this.changed();
  }

  traceChanged(): void {
    this.refresh();
  }

  receive(message: LogAnswer<Body, Detail>): void {
    const pending = this.answered(message.request);
    if (pending === undefined) return;
    switch (message.type) {
      case 'rows':
        if (pending.kind === 'page') this.storePage(pending.page, message.body);
        break;
      case 'detail':
        this.failure = undefined;
        this.detail = message.body;
        break;
      case 'place':
        if (pending.kind === 'place') this.foundWanted(pending.id, message.body);
        break;
      case 'failed':
        if (pending.kind === 'page') this.failedPages.add(pending.page);
        this.failure = message.message;
        if (pending.kind !== 'place') break;
        this.wanted = undefined;
        this.notice = message.message;
        break;
    }
    this.changed();
  }

  /** The rows that pass another filter are to be shown. */
  protected lookAgain(): void {
    this.notice = '';
    this.clearRows();
    this.refresh();
    this.changed();
  }

  /** Number of a further request. */
  protected nextNumber(): number {
    return this.nextRequest++;
  }

  /** What was asked for; undefined where it was asked before the filter or the session changed. */
  private answered(request: number): Pending | undefined {
    const pending = this.pending.get(request);
    this.pending.delete(request);
    return pending;
  }

  /** Asks for the page where new rows appear, whose answer brings the counts. */
  private refresh(): void {
    if (this.source.state !== 'live') return;
    this.failedPages.clear();
    this.refreshAgain = !this.fetchNewest();
    this.refreshMore();
  }

  private clearRows(): void {
    this.cache.clear();
    this.pending.clear();
    this.failedPages.clear();
    this.total = 0;
    this.recorded = 0;
    this.dropped = 0;
    this.selection = undefined;
    this.detail = undefined;
    this.failure = undefined;
    this.loaded = false;
    this.refreshAgain = false;
    this.forget();
  }

  private expect(pending: Pending): number {
    const request = this.nextNumber();
    this.pending.set(request, pending);
    return request;
  }

  private fetchNewest(): boolean {
    return this.fetchPage(Math.floor(this.total / rowsPerPage));
  }

  /** @returns false where the page is on its way already, or there is nobody to ask */
  private fetchPage(page: number): boolean {
    if (this.source.state !== 'live') return false;
    for (const pending of this.pending.values()) {
      if (pending.kind === 'page' && pending.page === page) return false;
    }
    const request = this.expect({ kind: 'page', page });
    const { filter } = this;
    const start = page * rowsPerPage;
    this.question({ type: 'fetchRows', request, start, count: rowsPerPage, filter });
    return true;
  }

  private storePage(page: number, body: Body): void {
    const dropped = this.droppedIn(body);
    const isOtherPast = body.recorded < this.recorded || dropped < this.dropped;
    // Rows of another past are in the places of the old ones: everything that was read is stale.
    if (this.loaded && isOtherPast) {
      this.clearRows();
      this.refreshAgain = true;
    } else if (this.loaded && dropped > this.dropped) this.shift(dropped - this.dropped);
    this.cache.store(page, body.rows);
    this.total = body.total;
    this.recorded = body.recorded;
    this.dropped = dropped;
    this.loaded = true;
    this.failure = undefined;
    const isAll = this.keep(body);
    if (this.refreshAgain || !isAll) this.refreshAgain = !this.fetchNewest();
  }

  /** Older rows were dropped: every index moved, by an amount that only the unfiltered log knows. */
  private shift(droppedSince: number): void {
    this.cache.clear();
    this.findWanted();
    if (this.selection === undefined) return;
    const index = this.selection.index - droppedSince;
    const isKnown = !this.restricts && index >= 0;
    this.selection = isKnown ? { index, row: this.selection.row } : undefined;
  }

  private findWanted(): void {
    const { wanted, filter } = this;
    if (wanted === undefined || this.source.state !== 'live') return;
    const { id } = wanted;
    this.question({ type: 'fetchPlace', request: this.expect({ kind: 'place', id }), id, filter });
  }

  private foundWanted(
    id: string,
    place: { readonly index?: number; readonly total: number },
  ): void {
    const { wanted } = this;
    if (wanted?.id !== id) return;
    if (place.index !== undefined) {
      wanted.index = place.index;
      this.total = Math.max(this.total, place.total);
      this.need(place.index, place.index + 1);
    } else if (this.restricts) {
      wanted.isFilterCleared = true;
      this.dropFilter();
      this.findWanted();
    } else {
      this.wanted = undefined;
      this.notice = 'The row that was looked for is no longer kept here.';
    }
  }
}
