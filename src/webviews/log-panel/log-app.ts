/** What the pages of all logs do alike: follow the newest row, choose rows by mouse and keyboard, filter, open details. */
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import type { LogWish } from '../../panels/log-messages';
import type { RevealedRow } from './log-rows';
import type { RowMoment } from './row-moment';
import {
  rowPixels,
  rowsOfPage,
  rowWindow,
  scrollTopToShow,
  type ScrollGeometry,
} from './row-window';

const filterDelayMs = 150;
const detailDelayMs = 60;

/** What a page needs of its model. */
export interface LogPanelModel<Row extends RowMoment> {
  /** Rows that pass the filter. */
  readonly total: number;
  readonly selection: { readonly index: number; readonly row: Row | undefined } | undefined;
  select(index: number): void;
  clearSelection(): void;
  /** Fetches the details of the chosen row unless they are here or on their way. */
  needDetail(): void;
  /** Why it cannot be shown; empty where nothing was looked for in vain. */
  readonly notice: string;
  /** The row that was looked for, once it is here. */
  takeRevealed(): RevealedRow | undefined;
}

export abstract class LogApp<Row extends RowMoment> extends LitElement {
  protected abstract readonly model: LogPanelModel<Row>;
  protected following = true;
  /** As typed; the filter takes it over a moment later, and trimmed. */
  protected filterText = '';
  protected detailOpen = false;
  private filterTimer: ReturnType<typeof setTimeout> | undefined;
  private detailTimer: ReturnType<typeof setTimeout> | undefined;
  /** The chosen row is to be scrolled into view once the page is laid out. */
  private revealWanted = false;
  /** Where this code scrolls to, so that its own scrolling is not taken for the person's. */
  private scrollingTo: number | undefined;
  private readonly resized = new ResizeObserver(() => this.requestUpdate());

  override connectedCallback(): void {
    super.connectedCallback();
    this.resized.observe(this);
  }

  /** Sends a message to the extension. */
  protected abstract tell(wish: LogWish): void;
  /** Address of the code that the chosen row leads to; undefined where it is not known. */
  protected abstract codeOfSelection(): string | undefined;
  /** The chosen row, with its details where they are open, as text; undefined where none is chosen. */
  protected abstract textOfSelection(): string | undefined;
  /** Shows the row of the same event in another log; undefined where none has it. */
  protected abstract wishForOtherLog(row: Row): LogWish | undefined;
  /** Restricts the rows by what was typed. */
  protected abstract applyText(text: string): void;
  /** Another row was chosen, or the details were opened or closed. */
  protected viewChanged(): void {}

  /** Everything is in the light DOM: one style sheet, one tree for assistive technology. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override updated(): void {
    const grid = this.grid();
    this.showRevealed();
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

  protected renderNotice(): TemplateResult | typeof nothing {
    const { notice } = this.model;
    if (notice === '') return nothing;
    return html`<div class="notice" role="alert">
      <i class="codicon codicon-info" aria-hidden="true"></i>${notice}
    </div>`;
  }

  /** Chooses a row that was looked for from another log, and moves the keyboard there. */
  private showRevealed(): void {
    const revealed = this.model.takeRevealed();
    if (revealed === undefined) return;
    if (revealed.isFilterCleared) {
      this.forgetTyped();
      this.filterText = '';
    }
    this.choose(revealed.index, true);
    this.grid()?.focus();
  }

  protected geometry(): ScrollGeometry {
    const grid = this.grid();
    return {
      scrollTop: grid?.scrollTop ?? 0,
      viewportPixels: Math.max((grid?.clientHeight ?? 0) - rowPixels, rowPixels),
      rowPixels,
      rowCount: this.model.total,
    };
  }

  /** The person, or this code, has scrolled the rows. */
  protected scrolled(): void {
    const grid = this.grid();
    if (grid === null) return;
    const atEnd = grid.scrollTop + grid.clientHeight >= grid.scrollHeight - rowPixels / 2;
    const { scrollingTo } = this;
    this.scrollingTo = undefined;
    // One event may tell of this code's scrolling and of the person's after it.
    const isOwn = scrollingTo !== undefined && Math.abs(grid.scrollTop - scrollingTo) < 1;
    if (!isOwn) this.following = atEnd;
    this.requestUpdate();
  }

  protected setFollowing(following: boolean): void {
    this.following = following;
    this.requestUpdate();
  }

  /** Makes a row the chosen one and shows it; `open` also opens the details. */
  protected choose(index: number, open: boolean): void {
    if (index < 0 || index >= this.model.total) return;
    if (index < this.model.total - 1) this.following = false;
    if (open) this.detailOpen = true;
    this.revealWanted = true;
    this.model.select(index);
    this.viewChanged();
    clearTimeout(this.detailTimer);
    // Holding an arrow key passes over many rows; only the one it rests on is worth a request.
    if (this.detailOpen) this.detailTimer = setTimeout(() => this.readDetail(), detailDelayMs);
  }

  private readDetail(): void {
    const { selection } = this.model;
    if (selection === undefined) return;
    this.model.select(selection.index);
    this.model.needDetail();
  }

  protected keyInGrid(event: KeyboardEvent): void {
    if (event.altKey || this.commandKey(event)) return;
    const at = this.model.selection?.index;
    const first = Math.ceil(this.geometry().scrollTop / rowPixels);
    const index = this.rowOfKey(event.key, at, first);
    if (index !== undefined) {
      this.choose(index, false);
      if (event.key === 'End') this.setFollowing(true);
    } else if (event.key === 'Enter' || event.key === ' ') this.choose(at ?? first, true);
    else if (event.key === 'Escape') this.escape();
    else if (event.key === '/') this.focusFilter();
    else if (event.key === 'F12') this.goToCode();
    else if (event.key === 'g') this.goToSelectedMoment();
    else if (event.key === 'e') this.showInOtherLog(this.model.selection?.row);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private rowOfKey(key: string, at: number | undefined, first: number): number | undefined {
    const last = this.model.total - 1;
    const page = rowsOfPage(this.geometry());
    switch (key) {
      case 'ArrowDown':
        return at === undefined ? first : Math.min(at + 1, last);
      case 'ArrowUp':
        return at === undefined ? last : Math.max(at - 1, 0);
      case 'PageDown':
        return Math.min((at ?? first) + page, last);
      case 'PageUp':
        return Math.max((at ?? first) - page, 0);
      case 'Home':
        return 0;
      case 'End':
        return last;
      default:
        return undefined;
    }
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

  protected closeDetail(): void {
    this.detailOpen = false;
    this.viewChanged();
    this.requestUpdate();
    this.grid()?.focus();
  }

  private goToCode(): void {
    const address = this.codeOfSelection();
    if (address !== undefined) this.tell({ type: 'goToInstruction', address });
  }

  private goToSelectedMoment(): void {
    const row = this.model.selection?.row;
    if (row !== undefined) this.goToMoment(row);
  }

  protected showInOtherLog(row: Row | undefined): void {
    const wish = row === undefined ? undefined : this.wishForOtherLog(row);
    if (wish !== undefined) this.tell(wish);
  }

  protected goToMoment({ position, partition, processor }: RowMoment): void {
    this.tell({ type: 'goToMoment', position, partition, processor });
  }

  protected copy(): void {
    const text = this.textOfSelection();
    if (text !== undefined) this.tell({ type: 'copy', text });
  }

  protected focusFilter(): void {
    const input = this.querySelector<HTMLInputElement>('#filter-text');
    input?.focus();
    input?.select();
  }

  /** Moves the keyboard from the filter to the rows. */
  protected enterRows(): void {
    const grid = this.grid();
    if (grid === null) return;
    grid.focus();
    if (this.model.selection === undefined) {
      this.choose(Math.ceil(this.geometry().scrollTop / rowPixels), false);
    }
  }

  /** Takes what is typed into the filter, a moment after the last key. */
  protected setTextSoon(text: string): void {
    this.filterText = text;
    this.requestUpdate();
    this.forgetTyped();
    if (text === '') this.applyText('');
    else this.filterTimer = setTimeout(() => this.applyText(text), filterDelayMs);
  }

  /** Another filter is set than the one being typed: what is typed and not yet applied is given up. */
  protected forgetTyped(): void {
    clearTimeout(this.filterTimer);
  }

  private grid(): HTMLElement | null {
    return this.querySelector<HTMLElement>('#grid');
  }

  private scrollGridTo(top: number): void {
    const grid = this.grid();
    if (grid === null || Math.abs(grid.scrollTop - top) < 1) return;
    grid.scrollTop = top;
    this.scrollingTo = grid.scrollTop;
  }
}
