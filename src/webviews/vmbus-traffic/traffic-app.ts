/** The page's one element: joins model, bar, channels, rows and details, and handles keys and scrolling. */
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import type {
  TrafficFilter,
  TrafficKind,
  TrafficRow,
} from '../../../debug-adapter/protocol/traffic';
import type { ToExtension, ToPage } from '../../panels/vmbus-traffic/traffic-messages';
import {
  rowsOfPage,
  rowWindow,
  scrollTopToShow,
  type ScrollGeometry,
} from '../exit-log/row-window';
import { connectToExtension } from '../extension-link';
import { channelList, silenceStrip, type ChannelActions } from './channel-list';
import { emptyState } from './empty-state';
import { trafficBar } from './traffic-bar';
import { trafficDetail, type ByteRange } from './traffic-detail';
import { rowPixels, trafficGrid } from './traffic-grid';
import { TrafficModel } from './traffic-model';
import { detailText, rowText } from './traffic-text';

const filterDelayMs = 150;
const detailDelayMs = 60;

export class VmbusTrafficApp extends LitElement {
  private readonly link = connectToExtension<ToExtension, ToPage>();
  private readonly model = new TrafficModel(
    (message) => this.link.send(message),
    () => this.requestUpdate(),
  );
  private following = true;
  private filterText = '';
  private detailOpen = false;
  private marked: ByteRange | undefined;
  private filterTimer: ReturnType<typeof setTimeout> | undefined;
  private detailTimer: ReturnType<typeof setTimeout> | undefined;
  /** The chosen row is to be scrolled into view once the page is laid out. */
  private revealWanted = false;
  /** Set while this code scrolls, so that its own scrolling is not taken for the person's. */
  private scrollingTo: number | undefined;

  private readonly channelActions: ChannelActions = {
    choose: (partition, relid) => this.chooseChannel(partition, relid),
  };

  private readonly resized = new ResizeObserver(() => this.requestUpdate());

  /** Everything is in the light DOM: one style sheet, one tree for assistive technology. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.resized.observe(this);
    this.link.onMessage((message) => this.receive(message));
    this.link.send({ type: 'ready' });
  }

  private receive(message: ToPage): void {
    switch (message.type) {
      case 'source':
        return this.model.setSource(message.source);
      case 'traceChanged':
        return this.model.traceChanged();
      case 'rows':
      case 'detail':
      case 'buses':
      case 'failed':
        return this.model.receive(message);
      case 'focusFilter':
        return this.focusFilter();
    }
  }

  protected override render(): TemplateResult {
    const { model } = this;
    const empty = model.total === 0 && (model.loaded || model.source.state !== 'live');
    if (model.source.state === 'none') return html`<div class="body">${this.renderEmpty()}</div>`;
    return html`${this.renderBar()} ${silenceStrip(model)}
      <div class="body ${this.detailOpen ? 'with-detail' : ''}">
        ${channelList(model, this.channelActions)} ${empty ? this.renderEmpty() : this.renderRows()}
        ${this.detailOpen && !empty ? this.renderDetail() : nothing}
      </div>`;
  }

  private renderBar(): TemplateResult {
    return trafficBar(
      this.model,
      { text: this.filterText, following: this.following },
      {
        setText: (text) => this.setTextSoon(text),
        toggleKind: (kind) => this.toggleKind(kind),
        clearFilter: () => this.clearFilter(),
        toggleFollow: () => this.setFollowing(!this.following),
        enterRows: () => this.enterRows(),
      },
    );
  }

  private renderEmpty(): TemplateResult {
    return emptyState(this.model, {
      run: (command) => this.link.send({ type: 'run', command }),
      clearFilter: () => this.clearFilter(),
    });
  }

  private renderRows(): TemplateResult {
    const window = rowWindow(this.geometry());
    this.model.need(window.first, window.end);
    return trafficGrid(this.model, window, {
      choose: (index) => this.choose(index, true),
      goToMoment: (row) => this.goToMoment(row),
      key: (event) => this.keyInGrid(event),
      scrolled: () => this.scrolled(),
    });
  }

  private renderDetail(): TemplateResult {
    return html`<div class="detail-box">
      ${trafficDetail(this.model, this.marked, {
        close: () => this.closeDetail(),
        goTo: (address) => this.link.send({ type: 'goToInstruction', address }),
        goToMoment: (row) => this.goToMoment(row),
        copy: () => this.copy(),
        mark: (range) => this.mark(range),
        chooseById: (row) => this.choosePartner(row),
      })}
    </div>`;
  }

  protected override updated(): void {
    const grid = this.grid();
    if (grid === null) return;
    // The first rendering had no grid to measure, and rows may have come while following.
    const bottom = grid.scrollHeight - grid.clientHeight;
    if (this.following && grid.scrollTop < bottom) this.scrollGridTo(bottom);
    const selected = this.model.selection?.index;
    if (this.revealWanted && selected !== undefined) {
      this.revealWanted = false;
      this.scrollGridTo(scrollTopToShow(selected, this.geometry()));
    }
    const wanted = rowWindow(this.geometry());
    const shown = grid.querySelectorAll('.rows .row').length;
    if (shown < wanted.end - wanted.first) this.requestUpdate();
  }

  private grid(): HTMLElement | null {
    return this.querySelector<HTMLElement>('#grid');
  }

  private geometry(): ScrollGeometry {
    const grid = this.grid();
    return {
      scrollTop: grid?.scrollTop ?? 0,
      viewportPixels: Math.max((grid?.clientHeight ?? 0) - rowPixels, rowPixels),
      rowPixels,
      rowCount: this.model.total,
    };
  }

  private scrolled(): void {
    const grid = this.grid();
    if (grid === null) return;
    const atEnd = grid.scrollTop + grid.clientHeight >= grid.scrollHeight - rowPixels / 2;
    if (this.scrollingTo !== undefined) this.scrollingTo = undefined;
    else this.following = atEnd;
    this.requestUpdate();
  }

  private scrollGridTo(top: number): void {
    const grid = this.grid();
    if (grid === null || Math.abs(grid.scrollTop - top) < 1) return;
    this.scrollingTo = top;
    grid.scrollTop = top;
  }

  private setFollowing(following: boolean): void {
    this.following = following;
    this.requestUpdate();
  }

  /** Makes a row the chosen one and shows it; `open` also opens the details. */
  private choose(index: number, open: boolean): void {
    if (index < 0 || index >= this.model.total) return;
    if (index < this.model.total - 1) this.following = false;
    if (open) this.detailOpen = true;
    this.marked = undefined;
    this.revealWanted = true;
    this.model.select(index);
    clearTimeout(this.detailTimer);
    // Holding an arrow key passes over many rows; only the one it rests on is worth a request.
    if (this.detailOpen) this.detailTimer = setTimeout(() => this.readDetail(), detailDelayMs);
  }

  /** The answer of a request, or the other way round: near it in the list, where it passes the filter. */
  private choosePartner(partner: TrafficRow): void {
    const from = this.model.selection?.index ?? 0;
    const step = partner.position < (this.model.selection?.row?.position ?? 0) ? -1 : 1;
    for (let index = from; this.model.rowAt(index) !== undefined; index += step) {
      if (this.model.rowAt(index)?.id === partner.id) return this.choose(index, true);
    }
    this.goToMoment(partner);
  }

  private readDetail(): void {
    const { selection } = this.model;
    if (selection === undefined) return;
    this.model.select(selection.index);
    this.model.needDetail();
  }

  private mark(range: ByteRange | undefined): void {
    this.marked = range;
    this.requestUpdate();
  }

  private keyInGrid(event: KeyboardEvent): void {
    if (event.altKey || this.commandKey(event)) return;
    const last = this.model.total - 1;
    const at = this.model.selection?.index;
    const page = rowsOfPage(this.geometry());
    const first = Math.ceil(this.geometry().scrollTop / rowPixels);
    const target: Readonly<Record<string, number>> = {
      ArrowDown: at === undefined ? first : Math.min(at + 1, last),
      ArrowUp: at === undefined ? last : Math.max(at - 1, 0),
      PageDown: Math.min((at ?? first) + page, last),
      PageUp: Math.max((at ?? first) - page, 0),
      Home: 0,
      End: last,
    };
    const index = target[event.key];
    const row = this.model.selection?.row;
    if (index !== undefined) {
      this.choose(index, false);
      if (event.key === 'End') this.setFollowing(true);
    } else if (event.key === 'Enter' || event.key === ' ') this.choose(at ?? first, true);
    else if (event.key === 'Escape') this.escape();
    else if (event.key === '/') this.focusFilter();
    else if (event.key === 'g' && row !== undefined) this.goToMoment(row);
    else if (event.key === 'F12') this.goToSender();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Keys with Ctrl or Cmd; true where one of ours was handled or it is not for the grid. */
  private commandKey(event: KeyboardEvent): boolean {
    if (!event.ctrlKey && !event.metaKey) return false;
    if (event.key === 'f') this.focusFilter();
    else if (event.key === 'c' && window.getSelection()?.toString() === '') this.copy();
    else return true;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  private escape(): void {
    if (this.detailOpen) this.closeDetail();
    else this.model.clearSelection();
  }

  private closeDetail(): void {
    this.detailOpen = false;
    this.requestUpdate();
    this.grid()?.focus();
  }

  private goToSender(): void {
    const { detail, selection } = this.model;
    const address = detail?.row.id === selection?.row?.id ? detail?.sender?.rip : undefined;
    if (address !== undefined) this.link.send({ type: 'goToInstruction', address });
  }

  private goToMoment({ position, partition, processor }: TrafficRow): void {
    this.link.send({ type: 'goToMoment', position, partition, processor });
  }

  private copy(): void {
    const { selection, detail } = this.model;
    const row = selection?.row;
    if (row === undefined) return;
    const withDetail = this.detailOpen && detail?.row.id === row.id;
    this.link.send({ type: 'copy', text: withDetail ? detailText(detail) : rowText(row) });
  }

  private focusFilter(): void {
    const input = this.querySelector<HTMLInputElement>('#filter-text');
    input?.focus();
    input?.select();
  }

  private enterRows(): void {
    const grid = this.grid();
    if (grid === null) return;
    grid.focus();
    if (this.model.selection === undefined) {
      this.choose(Math.ceil(this.geometry().scrollTop / rowPixels), false);
    }
  }

  private setTextSoon(text: string): void {
    this.filterText = text;
    this.requestUpdate();
    clearTimeout(this.filterTimer);
    const apply = (): void => this.restrict({ text: text.trim() === '' ? undefined : text.trim() });
    if (text === '') apply();
    else this.filterTimer = setTimeout(apply, filterDelayMs);
  }

  private toggleKind(kind: TrafficKind): void {
    const { kinds = [] } = this.model.filter;
    const chosen = kinds.includes(kind) ? kinds.filter((each) => each !== kind) : [...kinds, kind];
    this.restrict({ kinds: chosen.length === 0 ? undefined : chosen });
  }

  private chooseChannel(partition: number, relid: number): void {
    const { filter, chosenChannel } = this.model;
    const isChosen = chosenChannel === relid && filter.partition === partition;
    this.restrict(
      isChosen ? { partition: undefined, channels: undefined } : { partition, channels: [relid] },
    );
  }

  private clearFilter(): void {
    this.filterText = '';
    this.model.setFilter({});
  }

  /** Changes parts of the filter; undefined takes a part away. */
  private restrict(change: {
    readonly [Part in keyof TrafficFilter]?: TrafficFilter[Part] | undefined;
  }): void {
    clearTimeout(this.filterTimer);
    const parts = Object.entries({ ...this.model.filter, ...change });
    this.model.setFilter(Object.fromEntries(parts.filter(([, value]) => value !== undefined)));
  }
}
