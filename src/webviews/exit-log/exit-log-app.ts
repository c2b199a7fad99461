/** The page's one element: joins model, filter bar, grid and detail pane, and handles keys and scrolling. */
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import type { ExitRow } from '../../../debug-adapter/protocol/custom-requests';
import type { ToExtension, ToPage } from '../../panels/exit-log/exit-log-messages';
import { connectToExtension } from '../extension-link';
import { detailPane } from './detail-pane';
import { emptyState } from './empty-state';
import { withoutProcessor, withProcessor, withReasonToggled, withText } from './exit-filter';
import { exitGrid, rowPixels } from './exit-grid';
import { detailText, rowText } from './exit-text';
import { filterBar } from './filter-bar';
import { LogModel } from './log-model';
import { detailPixelsLimits, readPageState } from './page-state';
import { rowsOfPage, rowWindow, scrollTopToShow, type ScrollGeometry } from './row-window';

const filterDelayMs = 150;
const detailDelayMs = 60;
const sashStepPixels = 24;

export class ExitLogApp extends LitElement {
  private readonly link = connectToExtension<ToExtension, ToPage>();
  private readonly model = new LogModel(
    (message) => this.link.send(message),
    () => this.requestUpdate(),
  );
  private following = true;
  /** As typed; the filter takes it over a moment later, and trimmed. */
  private filterText = '';
  private detailOpen = false;
  private detailPixels: number = detailPixelsLimits.usual;
  private filterTimer: ReturnType<typeof setTimeout> | undefined;
  private detailTimer: ReturnType<typeof setTimeout> | undefined;
  /** The chosen row is to be scrolled into view once the page is laid out. */
  private revealWanted = false;
  /** Set while this code scrolls, so that its own scrolling is not taken for the person's. */
  private scrollingTo: number | undefined;

  private readonly resized = new ResizeObserver(() => this.requestUpdate());

  /** Everything is in the light DOM: one style sheet, one tree for assistive technology. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const kept = readPageState(this.link.keptState());
    this.model.filter = kept.filter;
    this.filterText = kept.filter.text ?? '';
    this.detailOpen = kept.detailOpen;
    this.detailPixels = kept.detailPixels;
    this.resized.observe(this);
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
        return this.model.traceChanged(message.recorded);
      case 'rows':
      case 'detail':
      case 'failed':
        return this.model.receive(message);
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
    return html`${hasLog ? this.renderFilterBar() : nothing}
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
    return exitGrid(this.model, window, {
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
          copy: () => this.copy(),
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
    if (open && !this.detailOpen) {
      this.detailOpen = true;
      this.keepState();
    }
    this.revealWanted = true;
    this.model.select(index, false);
    clearTimeout(this.detailTimer);
    // Holding an arrow key passes over many rows; only the one it rests on is worth a request.
    if (this.detailOpen) this.detailTimer = setTimeout(() => this.readDetail(), detailDelayMs);
  }

  private readDetail(): void {
    const selection = this.model.selection;
    if (selection === undefined) return;
    this.model.select(selection.index, true);
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
    if (index !== undefined) {
      this.choose(index, false);
      if (event.key === 'End') this.setFollowing(true);
    } else if (event.key === 'Enter' || event.key === ' ') this.choose(at ?? first, true);
    else if (event.key === 'Escape') this.escape();
    else if (event.key === '/') this.focusFilter();
    else if (event.key === 'F12') this.goToSelected();
    else if (event.key === 'g') this.goToSelectedMoment();
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
    this.keepState();
    this.requestUpdate();
    this.grid()?.focus();
  }

  private goToSelected(): void {
    const row = this.model.selection?.row;
    if (row !== undefined) this.goTo(row);
  }

  private goToSelectedMoment(): void {
    const row = this.model.selection?.row;
    if (row !== undefined) this.goToMoment(row);
  }

  private goToMoment({ position, partition, processor }: ExitRow): void {
    this.link.send({ type: 'goToMoment', position, partition, processor });
  }

  private goTo(row: ExitRow): void {
    this.link.send({ type: 'goToInstruction', address: row.rip });
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
    const apply = (): void => this.applyFilter(withText(this.model.filter, text));
    if (text === '') apply();
    else this.filterTimer = setTimeout(apply, filterDelayMs);
  }

  /** Another filter than the one being typed: what is typed and not yet applied is given up. */
  private changeFilter(filter: LogModel['filter']): void {
    this.filterText = filter.text ?? '';
    this.applyFilter(filter);
  }

  private applyFilter(filter: LogModel['filter']): void {
    clearTimeout(this.filterTimer);
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
