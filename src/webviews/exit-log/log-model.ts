/** What the page knows about the log: pages of rows, counts, selection and details; no DOM, so it is tested alone. */
import type {
  ExitDetailBody,
  ExitFilter,
  ExitRow,
  ExitsBody,
  ReasonCount,
} from '../../../debug-adapter/protocol/custom-requests';
import type { LogSource, ToExtension, ToPage } from '../../panels/exit-log/exit-log-messages';
import { RowCache, rowsPerPage } from '../log-panel/row-cache';
import { restricts } from './exit-filter';

type Pending =
  | { readonly kind: 'page'; readonly page: number }
  | { readonly kind: 'detail'; readonly id: string };

/** The chosen row; its index moves when the log drops older rows. */
export interface Selection {
  readonly index: number;
  readonly row: ExitRow | undefined;
}

export class LogModel {
  source: LogSource = { state: 'none' };
  filter: ExitFilter = {};
  /** Rows that pass the filter. */
  total = 0;
  recorded = 0;
  dropped = 0;
  reasonCounts: readonly ReasonCount[] = [];
  selection: Selection | undefined;
  detail: ExitDetailBody | undefined;
  /** Why the last request failed; cleared by the next answer. */
  failure: string | undefined;
  /** False until the first rows of this source and filter came. */
  loaded = false;

  private readonly cache = new RowCache<ExitRow>();
  private readonly pending = new Map<number, Pending>();
  /** Pages that could not be fetched; not asked for again until something changes. */
  private readonly failedPages = new Set<number>();
  private nextRequest = 1;
  /** The trace grew while its last page was on its way. */
  private refreshAgain = false;

  constructor(
    private readonly send: (message: ToExtension) => void,
    private readonly changed: () => void,
  ) {}

  rowAt(index: number): ExitRow | undefined {
    return this.cache.rowAt(index);
  }

  /** Fetches what is missing of rows `first` to `end - 1`. */
  need(first: number, end: number): void {
    for (const page of this.cache.missingPages(first, end, this.total)) {
      if (!this.failedPages.has(page)) this.fetchPage(page);
    }
  }

  setFilter(filter: ExitFilter): void {
    this.filter = filter;
    this.startOver();
  }

  select(index: number): void {
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
    const id = this.selection?.row?.id;
    if (id === undefined || this.detail?.row.id === id) return;
    for (const [request, pending] of this.pending) {
      if (pending.kind !== 'detail') continue;
      if (pending.id === id) return;
      this.pending.delete(request);
    }
    if (this.source.state !== 'live') {
      this.failure = 'The session has ended; the registers of this moment are no longer in memory.';
      this.changed();
      return;
    }
    const request = this.nextRequest++;
    this.pending.set(request, { kind: 'detail', id });
    this.send({ type: 'fetchDetail', request, id });
  }

  setSource(source: LogSource): void {
    const before = this.source;
    this.source = source;
    const sameSession =
      before.state !== 'none' && source.state !== 'none' && before.key === source.key;
    if (source.state === 'live' && !sameSession) this.startOver();
    else if (source.state === 'live') this.refresh();
    else this.pending.clear();
    this.changed();
  }

  traceChanged(recorded: number): void {
    if (recorded < this.recorded) this.startOver();
    else this.refresh();
  }

  receive(message: Extract<ToPage, { readonly request: number }>): void {
    const pending = this.pending.get(message.request);
    if (pending === undefined) return; // Asked before the filter or the session changed.
    this.pending.delete(message.request);
    switch (message.type) {
      case 'rows':
        if (pending.kind === 'page') this.storePage(pending.page, message.body);
        break;
      case 'detail':
        this.failure = undefined;
        this.detail = message.body;
        break;
      case 'failed':
        if (pending.kind === 'page') this.failedPages.add(pending.page);
        this.failure = message.message;
        break;
    }
    this.changed();
  }

  private startOver(): void {
    this.cache.clear();
    this.pending.clear();
    this.total = 0;
    this.dropped = 0;
    this.recorded = 0;
    this.reasonCounts = [];
    this.selection = undefined;
    this.detail = undefined;
    this.failure = undefined;
    this.loaded = false;
    this.refreshAgain = false;
    this.refresh();
    this.changed();
  }

  /** Asks for the page where new rows appear; its answer brings the counts. */
  private refresh(): void {
    this.failedPages.clear();
    const page = Math.floor(this.total / rowsPerPage);
    this.refreshAgain = !this.fetchPage(page);
  }

  /** @returns false where the page is on its way already, or there is nobody to ask */
  private fetchPage(page: number): boolean {
    if (this.source.state !== 'live') return false;
    for (const pending of this.pending.values()) {
      if (pending.kind === 'page' && pending.page === page) return false;
    }
    const request = this.nextRequest++;
    this.pending.set(request, { kind: 'page', page });
    const start = page * rowsPerPage;
    this.send({ type: 'fetchRows', request, start, count: rowsPerPage, filter: this.filter });
    return true;
  }

  private storePage(page: number, body: ExitsBody): void {
    if (body.recorded < this.recorded) return this.startOver();
    const droppedSince = body.dropped - this.dropped;
    // Older rows were dropped: every index moved, by an amount that only the unfiltered log knows.
    if (droppedSince > 0 && this.loaded) this.shift(droppedSince);
    this.cache.store(page, body.rows);
    this.total = body.total;
    this.recorded = body.recorded;
    this.dropped = body.dropped;
    this.reasonCounts = body.reasonCounts;
    this.loaded = true;
    this.failure = undefined;
    if (this.refreshAgain) this.refresh();
  }

  private shift(droppedSince: number): void {
    this.cache.clear();
    if (this.selection === undefined) return;
    const index = this.selection.index - droppedSince;
    const known = !restricts(this.filter) && index >= 0;
    this.selection = known ? { index, row: this.selection.row } : undefined;
  }
}
