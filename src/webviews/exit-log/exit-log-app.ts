/** The page's one element: joins model, filter bar, grid and detail pane, and handles keys and scrolling. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ExitRow } from '../../../debug-adapter/protocol/custom-requests';
import type { ToExtension, ToPage } from '../../panels/exit-log/exit-log-messages';
import type { LogWish } from '../../panels/log-messages';
import { connectToExtension } from '../extension-link';
import { LogApp } from '../log-panel/log-app';
import { logGrid } from '../log-panel/log-grid';
import { rowWindow } from '../log-panel/row-window';
import { detailPane } from './detail-pane';
import { emptyState } from './empty-state';
import { withoutProcessor, withProcessor, withReasonToggled, withText } from './exit-filter';
import { exitRows } from './exit-rows';
import { detailText, rowText } from './exit-text';
import { filterBar } from './filter-bar';
import { LogModel } from './log-model';
import { detailPixelsLimits, readPageState } from './page-state';

const sashStepPixels = 24;

export class ExitLogApp extends LogApp<ExitRow> {
  private readonly link = connectToExtension<ToExtension, ToPage>();
  protected override readonly model = new LogModel(
    (message) => this.link.send(message),
    () => this.requestUpdate(),
  );
  private detailPixels: number = detailPixelsLimits.usual;

  override connectedCallback(): void {
    super.connectedCallback();
    const kept = readPageState(this.link.keptState());
    this.model.filter = kept.filter;
    this.filterText = kept.filter.text ?? '';
    this.detailOpen = kept.detailOpen;
    this.detailPixels = kept.detailPixels;
    this.link.onMessage((message) => this.receive(message));
    this.link.send({ type: 'ready' });
  }

  private receive(message: ToPage): void {
    switch (message.type) {
      case 'source': {
        const started = message.source.state === 'live' && this.model.source.state !== 'live';
        if (started) this.following = message.followTail;
        return this.model.setSource(message.source);
      }
      case 'traceChanged':
        return this.model.traceChanged();
      case 'rows':
      case 'detail':
      case 'place':
      case 'failed':
        return this.model.receive(message);
      case 'reveal':
        return this.model.reveal(message.id);
      case 'focusFilter':
        return this.focusFilter();
      case 'clearFilter':
        return this.changeFilter({});
      case 'filterProcessor':
        return this.changeFilter(
          withProcessor(this.model.filter, message.partition, message.processor),
        );
    }
  }

  protected override render(): TemplateResult {
    const { model } = this;
    const empty = model.total === 0 && (model.loaded || model.source.state !== 'live');
    const main = empty ? this.renderEmpty() : this.renderRows();
    const hasLog = model.source.state !== 'none';
    return html`${hasLog ? this.renderFilterBar() : nothing} ${this.renderNotice()}
      <div class="body ${this.detailOpen ? 'with-detail' : ''}">
        ${main} ${this.detailOpen && !empty ? this.renderDetail() : nothing}
      </div>`;
  }

  private renderFilterBar(): TemplateResult {
    return filterBar(
      this.model,
      { text: this.filterText, following: this.following },
      {
        setText: (text) => this.setTextSoon(text),
        toggleReason: (reason) => this.changeFilter(withReasonToggled(this.model.filter, reason)),
        clearProcessor: () => this.changeFilter(withoutProcessor(this.model.filter)),
        clearFilter: () => this.changeFilter({}),
        toggleFollow: () => this.setFollowing(!this.following),
        enterRows: () => this.enterRows(),
      },
    );
  }

  private renderEmpty(): TemplateResult {
    return emptyState(this.model, {
      run: (command) => this.link.send({ type: 'run', command }),
      clearFilter: () => this.changeFilter({}),
    });
  }

  private renderRows(): TemplateResult {
    const window = rowWindow(this.geometry());
    this.model.need(window.first, window.end);
    return logGrid(this.model, window, exitRows, {
      choose: (index) => this.choose(index, true),
      goToMoment: (row) => this.goToMoment(row),
      key: (event) => this.keyInGrid(event),
      scrolled: () => this.scrolled(),
    });
  }

  private renderDetail(): TemplateResult {
    return html`<div
        class="sash"
        role="separator"
        tabindex="0"
        aria-orientation="vertical"
        aria-label="Width of the details"
        aria-valuenow=${this.detailPixels}
        aria-valuemin=${detailPixelsLimits.least}
        @keydown=${(event: KeyboardEvent) => this.keyInSash(event)}
        @pointerdown=${(event: PointerEvent) => this.dragSash(event)}
        @dblclick=${() => this.setDetailPixels(detailPixelsLimits.usual)}
      ></div>
      <div class="detail-box" .style=${`flex-basis:${this.detailPixels}px`}>
        ${detailPane(this.model, {
          close: () => this.closeDetail(),
          goTo: (row) => this.goTo(row),
          goToMoment: (row) => this.goToMoment(row),
          inspectVmcs: ({ id }) => this.link.send({ type: 'inspectVmcs', id }),
          compareVmcs: ({ id }) => this.link.send({ type: 'compareVmcs', id }),
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
    return this.model.selection?.row?.rip;
  }

  protected override textOfSelection(): string | undefined {
    const { selection, detail } = this.model;
    const row = selection?.row;
    if (row === undefined) return undefined;
    const withDetail = this.detailOpen && detail?.row.id === row.id;
    return withDetail ? detailText(detail) : rowText(row);
  }

  protected override wishForOtherLog({ id }: ExitRow): LogWish {
    return { type: 'showRow', log: 'events', id, kind: 'exits' };
  }

  protected override applyText(text: string): void {
    this.applyFilter(withText(this.model.filter, text));
  }

  private goTo(row: ExitRow): void {
    this.tell({ type: 'goToInstruction', address: row.rip });
  }

  /** Another filter than the one being typed. */
  private changeFilter(filter: LogModel['filter']): void {
    this.filterText = filter.text ?? '';
    this.applyFilter(filter);
  }

  private applyFilter(filter: LogModel['filter']): void {
    this.forgetTyped();
    this.model.setFilter(filter);
    this.keepState();
  }

  private keyInSash(event: KeyboardEvent): void {
    const step = { ArrowLeft: sashStepPixels, ArrowRight: -sashStepPixels }[event.key];
    if (step === undefined) return;
    this.setDetailPixels(this.detailPixels + step);
    event.preventDefault();
  }

  private dragSash(event: PointerEvent): void {
    const sash = event.currentTarget;
    if (!(sash instanceof HTMLElement)) return;
    const from = event.clientX + this.detailPixels;
    const move = (moved: PointerEvent): void => this.setDetailPixels(from - moved.clientX);
    sash.setPointerCapture(event.pointerId);
    sash.addEventListener('pointermove', move);
    sash.addEventListener(
      'lostpointercapture',
      () => sash.removeEventListener('pointermove', move),
      {
        once: true,
      },
    );
  }

  private setDetailPixels(pixels: number): void {
    const most = Math.max(this.clientWidth - detailPixelsLimits.least, detailPixelsLimits.least);
    this.detailPixels = Math.round(Math.min(Math.max(pixels, detailPixelsLimits.least), most));
    this.keepState();
    this.requestUpdate();
  }

  private keepState(): void {
    const { detailOpen, detailPixels } = this;
    this.link.keepState({ filter: this.model.filter, detailOpen, detailPixels });
  }
}
