/** What the page knows of the events: kinds, rows, selection and details; no DOM, so it is tested alone. */
import {
  askedForKindNames,
  eventKindNames,
  type EventDetailBody,
  type EventFilter,
  type EventKindName,
  type EventRow,
  type EventsBody,
} from '../../../debug-adapter/protocol/event-log';
import type { ToExtension, ToPage } from '../../panels/event-log/event-log-messages';
import type { LogSource } from '../../panels/exit-log/exit-log-messages';
import { RowCache, rowsPerPage } from '../log-panel/row-cache';

type Pending =
  | { readonly kind: 'page'; readonly page: number }
  | { readonly kind: 'detail'; readonly id: string };

export class EventModel {
  source: LogSource = { state: 'none' };
  kinds: readonly EventKindName[] = [];
  text = '';
  /** Rows that pass the filter, as far as they have been looked at. */
  total = 0;
  kept = 0;
  recorded = 0;
  /** False while the adapter has not looked for the text everywhere. */
  isComplete = true;
  selection: { readonly index: number; readonly row: EventRow | undefined } | undefined;
  detail: EventDetailBody | undefined;
  /** Why the last request failed; cleared by the next answer. */
  failure: string | undefined;
  /** False until the first rows of this source and filter came. */
  loaded = false;

  private readonly cache = new RowCache<EventRow>();
  private readonly pending = new Map<number, Pending>();
  /** Pages that could not be fetched; not asked for again until something changes. */
  private readonly failedPages = new Set<number>();
  private nextRequest = 1;
  /** The trace grew while an answer was on its way. */
  private refreshAgain = false;

  constructor(
    private readonly send: (message: ToExtension) => void,
    private readonly changed: () => void,
  ) {}

  get filter(): EventFilter {
    const { kinds, text } = this;
    return text === '' ? { kinds } : { kinds, text };
  }

  rowAt(index: number): EventRow | undefined {
    return this.cache.rowAt(index);
  }

  /** Fetches what is missing of rows `first` to `end - 1`. */
  need(first: number, end: number): void {
    for (const page of this.cache.missingPages(first, end, this.total)) {
      if (!this.failedPages.has(page)) this.fetchPage(page);
    }
  }

  /** Shows a kind of events, or no longer. */
  toggleKind(kind: EventKindName): void {
    const has = this.kinds.includes(kind);
    this.kinds = eventKindNames.filter((each) =>
      each === kind ? !has : this.kinds.includes(each),
    );
    if (askedForKindNames.includes(kind)) this.record();
    this.lookAgain();
  }

  setText(text: string): void {
    if (text === this.text) return;
    this.text = text;
    this.lookAgain();
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
    const id = this.selection?.row?.id ?? '';
    if (id === '' || this.detail?.row.id === id || this.source.state !== 'live') return;
    for (const [request, pending] of this.pending) {
      if (pending.kind !== 'detail') continue;
      if (pending.id === id) return;
      this.pending.delete(request);
    }
    this.send({ type: 'fetchDetail', request: this.ask({ kind: 'detail', id }), id });
  }

  setSource(source: LogSource): void {
    const before = this.source;
    this.source = source;
    const isSame = before.state !== 'none' && source.state !== 'none' && before.key === source.key;
    if (source.state === 'live') {
      if (!isSame) {
        this.clearRows();
        if (this.recordedKinds.length > 0) this.record();
      }
      this.refresh();
    } else this.pending.clear();
    this.changed();
  }

  traceChanged(): void {
    this.refresh();
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
        this.detail = message.body;
        this.failure = undefined;
        break;
      case 'failed':
        if (pending.kind === 'page') this.failedPages.add(pending.page);
        this.failure = message.message;
        break;
    }
    this.changed();
  }

  private get recordedKinds(): readonly EventKindName[] {
    return this.kinds.filter((kind) => askedForKindNames.includes(kind));
  }

  private record(): void {
    if (this.source.state === 'live') this.send({ type: 'record', kinds: this.recordedKinds });
  }

  private lookAgain(): void {
    this.clearRows();
    this.refresh();
    this.changed();
  }

  private clearRows(): void {
    this.cache.clear();
    this.pending.clear();
    this.failedPages.clear();
    this.total = 0;
    this.kept = 0;
    this.recorded = 0;
    this.isComplete = true;
    this.selection = undefined;
    this.detail = undefined;
    this.failure = undefined;
    this.loaded = false;
    this.refreshAgain = false;
  }

  /** Asks for the page where new rows appear, whose answer brings the counts. */
  private refresh(): void {
    if (this.source.state !== 'live') return;
    this.failedPages.clear();
    this.refreshAgain = !this.fetchPage(Math.floor(this.total / rowsPerPage));
  }

  private ask(pending: Pending): number {
    const request = this.nextRequest++;
    this.pending.set(request, pending);
    return request;
  }

  /** @returns false where the page is on its way already, or there is nobody to ask */
  private fetchPage(page: number): boolean {
    if (this.source.state !== 'live') return false;
    for (const pending of this.pending.values()) {
      if (pending.kind === 'page' && pending.page === page) return false;
    }
    const request = this.ask({ kind: 'page', page });
    const start = page * rowsPerPage;
    this.send({ type: 'fetchRows', request, start, count: rowsPerPage, filter: this.filter });
    return true;
  }

  private storePage(page: number, body: EventsBody): void {
    const droppedBefore = this.recorded - this.kept;
    const isOther = body.recorded < this.recorded || body.recorded - body.kept !== droppedBefore;
    // Other rows are in the places of the old ones: everything that was read is stale.
    if (this.loaded && isOther) {
      this.clearRows();
      this.refreshAgain = true;
    }
    this.cache.store(page, body.rows);
    this.total = body.total;
    this.kept = body.kept;
    this.recorded = body.recorded;
    this.isComplete = body.isComplete;
    this.loaded = true;
    this.failure = undefined;
    if (!this.refreshAgain && body.isComplete) return;
    this.refreshAgain = false;
    this.fetchPage(Math.floor(this.total / rowsPerPage));
  }
}
