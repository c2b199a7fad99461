/** The page's one element: joins model, bar, channels, rows and details, and handles keys and scrolling. */
import { html, nothing, type TemplateResult } from 'lit';
import type {
  TrafficFilter,
  TrafficKind,
  TrafficRow,
} from '../../../debug-adapter/protocol/traffic';
import type { ToExtension, ToPage } from '../../panels/vmbus-traffic/traffic-messages';
import type { LogWish } from '../../panels/log-messages';
import { connectToExtension } from '../extension-link';
import { LogApp } from '../log-panel/log-app';
import { logGrid } from '../log-panel/log-grid';
import { rowWindow } from '../log-panel/row-window';
import { channelList, silenceStrip, type ChannelActions } from './channel-list';
import { emptyState } from './empty-state';
import { trafficBar } from './traffic-bar';
import { trafficDetail, type ByteRange } from './traffic-detail';
import { TrafficModel } from './traffic-model';
import { trafficRows } from './traffic-rows';
import { detailText, rowText } from './traffic-text';

export class VmbusTrafficApp extends LogApp<TrafficRow> {
  private readonly link = connectToExtension<ToExtension, ToPage>();
  protected override readonly model = new TrafficModel(
    (message) => this.link.send(message),
    () => this.requestUpdate(),
  );
  private marked: ByteRange | undefined;

  private readonly channelActions: ChannelActions = {
    choose: (partition, relid) => this.chooseChannel(partition, relid),
  };

  override connectedCallback(): void {
    super.connectedCallback();
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
      case 'place':
      case 'buses':
      case 'failed':
        return this.model.receive(message);
      case 'reveal':
        return this.model.reveal(message.id);
      case 'focusFilter':
        return this.focusFilter();
    }
  }

  protected override render(): TemplateResult {
    const { model } = this;
    const empty = model.total === 0 && (model.loaded || model.source.state !== 'live');
    if (model.source.state === 'none') return html`<div class="body">${this.renderEmpty()}</div>`;
    return html`${this.renderBar()} ${this.renderNotice()} ${silenceStrip(model)}
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
    return logGrid(this.model, window, trafficRows(this.model), {
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
        showInOtherLog: (row) => this.showInOtherLog(row),
        copy: () => this.copy(),
        mark: (range) => this.mark(range),
        showField: (range) => void this.showField(range),
        choosePartner: ({ id }) => this.model.reveal(id),
      })}
    </div>`;
  }

  protected override tell(wish: LogWish): void {
    this.link.send(wish);
  }

  protected override viewChanged(): void {
    this.marked = undefined;
  }

  protected override codeOfSelection(): string | undefined {
    const { detail, selection } = this.model;
    return detail?.row.id === selection?.row?.id ? detail?.sender?.rip : undefined;
  }

  protected override textOfSelection(): string | undefined {
    const { selection, detail } = this.model;
    const row = selection?.row;
    if (row === undefined) return undefined;
    const withDetail = this.detailOpen && detail?.row.id === row.id;
    return withDetail ? detailText(detail) : rowText(row);
  }

  protected override wishForOtherLog({ id }: TrafficRow): LogWish {
    return { type: 'showRow', log: 'events', id, kind: 'vmbus' };
  }

  protected override applyText(text: string): void {
    const words = text.trim();
    this.restrict({ text: words === '' ? undefined : words });
  }

  private mark(range: ByteRange | undefined): void {
    const { marked } = this;
    if (marked?.offset === range?.offset && marked?.sizeBytes === range?.sizeBytes) return;
    this.marked = range;
    this.requestUpdate();
  }

  private async showField(range: ByteRange): Promise<void> {
    this.mark(range);
    await this.updateComplete;
    this.querySelector<HTMLElement>('.node.marked')?.focus();
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
    this.forgetTyped();
    this.filterText = '';
    this.model.setFilter({});
  }

  /** Changes parts of the filter; undefined takes a part away. */
  private restrict(change: {
    readonly [Part in keyof TrafficFilter]?: TrafficFilter[Part] | undefined;
  }): void {
    this.forgetTyped();
    const parts = Object.entries({ ...this.model.filter, ...change });
    this.model.setFilter(Object.fromEntries(parts.filter(([, value]) => value !== undefined)));
  }
}
