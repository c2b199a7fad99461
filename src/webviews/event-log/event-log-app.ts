/** The page's one element: joins model, bar, rows and details. */
import { html, nothing, type TemplateResult } from 'lit';
import type { EventRow } from '../../../debug-adapter/protocol/event-log';
import type { ToExtension, ToPage } from '../../panels/event-log/event-log-messages';
import type { LogWish } from '../../panels/log-messages';
import { connectToExtension } from '../extension-link';
import { LogApp } from '../log-panel/log-app';
import { logGrid } from '../log-panel/log-grid';
import { rowWindow } from '../log-panel/row-window';
import { emptyState } from './empty-state';
import { eventBar } from './event-bar';
import { eventDetail } from './event-detail';
import { EventModel } from './event-model';
import { eventRows } from './event-rows';
import { detailText, otherLogs, rowText } from './event-text';
import { readPageState } from './page-state';

export class EventLogApp extends LogApp<EventRow> {
  private readonly link = connectToExtension<ToExtension, ToPage>();
  protected override readonly model = new EventModel(
    (message) => this.link.send(message),
    () => this.requestUpdate(),
  );

  override connectedCallback(): void {
    super.connectedCallback();
    const { kinds, text, detailOpen } = readPageState(this.link.keptState());
    this.model.kinds = kinds;
    this.model.text = text;
    this.filterText = text;
    this.detailOpen = detailOpen;
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
      case 'failed':
        return this.model.receive(message);
      case 'reveal':
        if (!this.model.kinds.includes(message.kind)) this.model.toggleKind(message.kind);
        return this.model.reveal(message.id);
      case 'focusFilter':
        return this.focusFilter();
    }
  }

  protected override render(): TemplateResult {
    const { model } = this;
    const empty = model.total === 0 && (model.loaded || model.source.state !== 'live');
    if (model.source.state === 'none') return html`<div class="body">${this.renderEmpty()}</div>`;
    return html`${this.renderBar()} ${this.renderNotice()}
      <div class="body ${this.detailOpen ? 'with-detail' : ''}">
        ${empty ? this.renderEmpty() : this.renderRows()}
        ${this.detailOpen && !empty ? this.renderDetail() : nothing}
      </div>`;
  }

  private renderBar(): TemplateResult {
    return eventBar(
      this.model,
      { text: this.filterText, following: this.following },
      {
        setText: (text) => this.setTextSoon(text),
        toggleKind: (kind) => {
          this.model.toggleKind(kind);
          this.keepState();
        },
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
    return logGrid(this.model, window, eventRows, {
      choose: (index) => this.choose(index, true),
      goToMoment: (row) => this.goToMoment(row),
      key: (event) => this.keyInGrid(event),
      scrolled: () => this.scrolled(),
    });
  }

  private renderDetail(): TemplateResult {
    return html`<div class="detail-box">
      ${eventDetail(this.model, {
        close: () => this.closeDetail(),
        goTo: (address) => this.link.send({ type: 'goToInstruction', address }),
        goToMoment: (row) => this.goToMoment(row),
        showInOtherLog: (row) => this.showInOtherLog(row),
        copy: () => this.copy(),
      })}
    </div>`;
  }

  protected override tell(wish: LogWish): void {
    this.link.send(wish);
  }

  protected override viewChanged(): void {
    this.keepState();
  }

  protected override codeOfSelection(): string | undefined {
    const { detail, selection } = this.model;
    return detail?.row.id === selection?.row?.id ? detail?.code?.rip : undefined;
  }

  protected override textOfSelection(): string | undefined {
    const { selection, detail } = this.model;
    const row = selection?.row;
    if (row === undefined) return undefined;
    const withDetail = this.detailOpen && detail?.row.id === row.id;
    return withDetail ? detailText(detail) : rowText(row);
  }

  protected override wishForOtherLog({ id, kind }: EventRow): LogWish | undefined {
    const log = otherLogs[kind];
    return log === undefined ? undefined : { type: 'showRow', log, id, kind };
  }

  protected override applyText(text: string): void {
    this.model.setText(text.trim());
    this.keepState();
  }

  private clearFilter(): void {
    this.forgetTyped();
    this.filterText = '';
    this.applyText('');
  }

  private keepState(): void {
    const { kinds, text } = this.model;
    this.link.keepState({ kinds, text, detailOpen: this.detailOpen });
  }
}
