/** What the page knows of the traffic: rows, channels, selection and details; no DOM, so it is tested alone. */
import type {
  BusInfo,
  ChannelInfo,
  TrafficBody,
  TrafficDetailBody,
  TrafficFilter,
  TrafficKind,
  TrafficRow,
} from '../../../debug-adapter/protocol/traffic';
import type {
  ToExtension,
  ToPage,
  TrafficSource,
} from '../../panels/vmbus-traffic/traffic-messages';
import { RowCache, rowsPerPage } from '../log-panel/row-cache';

type Pending =
  | { readonly kind: 'page'; readonly page: number }
  | { readonly kind: 'detail'; readonly id: string }
  | { readonly kind: 'buses' };

/** The chosen row. */
export interface Selection {
  readonly index: number;
  readonly row: TrafficRow | undefined;
}

/** The kinds of rows in the order in which the bar shows them. */
export const trafficKinds: readonly TrafficKind[] = [
  'vmbus-message',
  'vmbus-packet',
  'vmbus-signal',
];

export class TrafficModel {
  source: TrafficSource = { state: 'none' };
  filter: TrafficFilter = {};
  /** Rows that pass the filter. */
  total = 0;
  recorded = 0;
  dropped = 0;
  buses: readonly BusInfo[] = [];
  selection: Selection | undefined;
  detail: TrafficDetailBody | undefined;
  /** Why the last request failed; cleared by the next answer. */
  failure: string | undefined;
  /** False until the first rows of this source and filter came. */
  loaded = false;

  private readonly cache = new RowCache<TrafficRow>();
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

  get restricts(): boolean {
    const { text, channels, kinds, partition } = this.filter;
    return [text, channels, kinds, partition].some((each) => each !== undefined);
  }

  /** The channel that the list is restricted to; 0 for the messages of the bus. */
  get chosenChannel(): number | undefined {
    const { channels } = this.filter;
    return channels?.length === 1 ? channels[0] : undefined;
  }

  /** The channel with this number of the partition that is shown. */
  channel(partition: number, relid: number): ChannelInfo | undefined {
    const bus = this.buses.find((each) => each.partition === partition);
    return bus?.channels.find((each) => each.relid === relid);
  }

  rowAt(index: number): TrafficRow | undefined {
    return this.cache.rowAt(index);
  }

  /** Fetches what is missing of rows `first` to `end - 1`. */
  need(first: number, end: number): void {
    for (const page of this.cache.missingPages(first, end, this.total)) {
      if (!this.failedPages.has(page)) this.fetchPage(page);
    }
  }

  setFilter(filter: TrafficFilter): void {
    this.filter = filter;
    this.clearRows();
    this.refresh();
    this.changed();
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
    if (id === undefined || this.detail?.row.id === id || this.source.state !== 'live') return;
    for (const [request, pending] of this.pending) {
      if (pending.kind !== 'detail') continue;
      if (pending.id === id) return;
      this.pending.delete(request);
    }
    this.send({ type: 'fetchDetail', request: this.ask({ kind: 'detail', id }), id });
  }

  setSource(source: TrafficSource): void {
    const before = this.source;
    this.source = source;
    const isSame = before.state !== 'none' && source.state !== 'none' && before.key === source.key;
    if (source.state === 'live') {
      if (!isSame) this.startOver();
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
      case 'buses':
        this.buses = message.body.buses;
        break;
      case 'failed':
        if (pending.kind === 'page') this.failedPages.add(pending.page);
        this.failure = message.message;
        break;
    }
    this.changed();
  }

  private startOver(): void {
    this.clearRows();
    this.buses = [];
    this.recorded = 0;
  }

  private clearRows(): void {
    this.cache.clear();
    this.pending.clear();
    this.failedPages.clear();
    this.total = 0;
    this.dropped = 0;
    this.selection = undefined;
    this.detail = undefined;
    this.failure = undefined;
    this.loaded = false;
    this.refreshAgain = false;
  }

  /** Asks for the page where new rows appear, whose answer brings the counts, and for the channels. */
  private refresh(): void {
    if (this.source.state !== 'live') return;
    this.failedPages.clear();
    this.refreshAgain = !this.fetchPage(Math.floor(this.total / rowsPerPage));
    if ([...this.pending.values()].some(({ kind }) => kind === 'buses')) this.refreshAgain = true;
    else this.send({ type: 'fetchBuses', request: this.ask({ kind: 'buses' }) });
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

  private storePage(page: number, body: TrafficBody): void {
    // Fewer rows, or other rows in the places of the old ones: everything that was read is stale.
    const isOther = body.recorded < this.recorded || (this.loaded && body.dropped !== this.dropped);
    if (isOther) {
      this.clearRows();
      this.recorded = body.recorded;
      this.dropped = body.dropped;
      this.refreshAgain = true;
    }
    this.cache.store(page, body.rows);
    this.total = body.total;
    this.recorded = body.recorded;
    this.dropped = body.dropped;
    this.loaded = true;
    this.failure = undefined;
    if (!this.refreshAgain) return;
    this.refreshAgain = false;
    this.fetchPage(Math.floor(this.total / rowsPerPage));
  }
}
