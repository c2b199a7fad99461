/** The page's one element: joins model, bar and tree, and handles keys. */
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import type { ToExtension, ToPage } from '../../panels/vmcs-inspector/vmcs-messages';
import { connectToExtension } from '../extension-link';
import { vmcsBar } from './vmcs-bar';
import { vmcsEmpty } from './vmcs-empty';
import { readChoice } from './vmcs-choice';
import { VmcsModel, type VmcsChoice, type VmcsRow } from './vmcs-model';
import { rowColumns, rowsJsonLines, rowsText } from './vmcs-text';
import { vmcsTree } from './vmcs-tree';

const rowsOfPage = 12;

export class VmcsInspectorApp extends LitElement {
  private readonly link = connectToExtension<ToExtension, ToPage>();
  private readonly model = new VmcsModel(
    (message) => this.link.send(message),
    () => this.requestUpdate(),
  );
  /** The chosen row is to be scrolled into view once the page is laid out. */
  private revealWanted = false;
  /** The editor is to get the keyboard, or the tree is to get it back. */
  private focusWanted: 'editor' | 'tree' | undefined;

  /** Everything is in the light DOM: one style sheet, one tree for assistive technology. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.model.choice = readChoice(this.link.keptState());
    this.link.onMessage((message) => this.receive(message));
    this.link.send({ type: 'ready' });
  }

  private receive(message: ToPage): void {
    if (message.type === 'focusFilter') this.focusFilter();
    const wasEditing = this.model.edit !== undefined;
    this.model.receive(message);
    if (wasEditing && this.model.edit === undefined) this.focusWanted = 'tree';
  }

  protected override render(): TemplateResult {
    const { model } = this;
    const { rows } = model;
    const hasSource = model.source.state !== 'none';
    return html`${hasSource ? this.renderBar(rows) : nothing} ${this.renderEntryProblem()}
      <div class="body">${rows.length === 0 ? this.renderEmpty() : this.renderTree(rows)}</div>`;
  }

  private renderBar(rows: readonly VmcsRow[]): TemplateResult {
    const { model } = this;
    return vmcsBar(model, {
      setFilter: (filter) => this.choose({ filter }),
      toggleChangedOnly: () => this.choose({ changedOnly: !model.choice.changedOnly }),
      compareWith: (comparedWith) => this.choose({ comparedWith }),
      showNow: () => {
        model.showNow();
        this.keep();
      },
      copyText: () => this.copy(model.body && rowsText(model.body, rows)),
      copyJson: () => this.copy(model.body && rowsJsonLines(model.body, rows)),
      enterRows: () => this.enterRows(),
    });
  }

  private renderEntryProblem(): TemplateResult | typeof nothing {
    const problem = this.model.body?.entryProblem ?? '';
    if (problem === '' || this.model.source.state !== 'live') return nothing;
    return html`<div class="entry-problem" role="alert">
      <i class="codicon codicon-error" aria-hidden="true"></i>
      <span>The next VM entry will fail with ${problem}.</span>
    </div>`;
  }

  private renderEmpty(): TemplateResult {
    return vmcsEmpty(this.model, {
      run: (command) => this.link.send({ type: 'run', command }),
      clearFilter: () => this.choose({ filter: '', changedOnly: false }),
    });
  }

  private renderTree(rows: readonly VmcsRow[]): TemplateResult {
    return vmcsTree(this.model, rows, {
      choose: (row) => this.select(row),
      toggle: (row) => this.toggle(row),
      edit: (row) => this.edit(row),
      commit: (row, text) => this.model.commitEdit(row, text),
      cancel: () => {
        this.focusWanted = 'tree';
        this.model.cancelEdit();
      },
      key: (event) => this.keyInTree(event),
    });
  }

  protected override updated(): void {
    if (this.focusWanted === 'editor') {
      const editor = this.querySelector<HTMLInputElement>('#editor');
      editor?.focus();
      editor?.select();
    } else if (this.focusWanted === 'tree') this.tree()?.focus();
    this.focusWanted = undefined;
    if (!this.revealWanted) return;
    this.revealWanted = false;
    this.querySelector('.row[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }

  private tree(): HTMLElement | null {
    return this.querySelector<HTMLElement>('#tree');
  }

  private choose(part: Partial<VmcsChoice>): void {
    this.model.choose(part);
    this.keep();
  }

  private select(row: VmcsRow): void {
    this.model.selected = row.id;
    this.revealWanted = true;
    this.requestUpdate();
  }

  private toggle(row: VmcsRow): void {
    this.model.toggle(row);
    this.keep();
  }

  private edit(row: VmcsRow): void {
    if (row.kind === 'group') return;
    this.select(row);
    this.focusWanted = 'editor';
    this.model.beginEdit(row, row.kind === 'field' ? row.field.value : row.bits.value);
  }

  /** A single bit is turned over at once. */
  private flip(row: VmcsRow): void {
    const isBit = row.kind === 'bits' && row.bits.low === row.bits.high;
    if (!isBit || !row.field.isEditable || this.model.isStale) return this.toggle(row);
    this.model.commitEdit(row, row.bits.value === '0x0' ? '1' : '0');
  }

  private keyInTree(event: KeyboardEvent): void {
    if (event.altKey || this.commandKey(event)) return;
    const { rows } = this.model;
    const at = rows.findIndex(({ id }) => id === this.model.selected);
    const last = rows.length - 1;
    const target: Readonly<Record<string, number>> = {
      ArrowDown: Math.min(at + 1, last),
      ArrowUp: Math.max(at - 1, 0),
      PageDown: Math.min(at + rowsOfPage, last),
      PageUp: Math.max(at - rowsOfPage, 0),
      Home: 0,
      End: last,
      n: nextChanged(rows, at, 1),
      p: nextChanged(rows, at, -1),
    };
    const row = rows[at];
    const next = target[event.key];
    if (next !== undefined) this.selectAt(rows, next);
    else if (event.key === '/') this.focusFilter();
    else if (row !== undefined && this.keyOnRow(event.key, row, rows)) event.stopPropagation();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Keys that act on the chosen row; false where `key` is none. */
  private keyOnRow(key: string, row: VmcsRow, rows: readonly VmcsRow[]): boolean {
    const isOpen = this.model.isExpanded(row);
    switch (key) {
      case 'ArrowRight':
        if (!isOpen) this.toggle(row);
        return true;
      case 'ArrowLeft':
        if (isOpen && row.kind !== 'bits') this.toggle(row);
        else this.selectAt(rows, parentOf(rows, row));
        return true;
      case 'Enter':
      case 'F2':
        if (row.kind === 'group') this.toggle(row);
        else this.edit(row);
        return true;
      case ' ':
        this.flip(row);
        return true;
      default:
        return false;
    }
  }

  /** Keys with Ctrl or Cmd; true where one of ours was handled or it is not for the tree. */
  private commandKey(event: KeyboardEvent): boolean {
    if (!event.ctrlKey && !event.metaKey) return false;
    const row = this.model.rows.find(({ id }) => id === this.model.selected);
    if (event.key === 'f') this.focusFilter();
    else if (event.key === 'c' && row !== undefined) this.copy(rowColumns(row).join('\t').trim());
    else return true;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  private selectAt(rows: readonly VmcsRow[], index: number): void {
    const row = rows[index];
    if (row !== undefined) this.select(row);
  }

  private copy(text: string | undefined): void {
    if (text !== undefined) this.link.send({ type: 'copy', text });
  }

  private focusFilter(): void {
    const input = this.querySelector<HTMLInputElement>('#filter-text');
    input?.focus();
    input?.select();
  }

  private enterRows(): void {
    this.tree()?.focus();
    if (this.model.selected === undefined) this.selectAt(this.model.rows, 0);
  }

  private keep(): void {
    this.link.keepState(this.model.choice);
  }
}

/** Index of the nearest changed field in a direction; stays where there is none. */
function nextChanged(rows: readonly VmcsRow[], from: number, step: 1 | -1): number {
  for (let at = from + step; at >= 0 && at < rows.length; at += step) {
    const row = rows[at];
    if (row?.kind === 'field' && row.field.before !== undefined) return at;
  }
  return from;
}

function parentOf(rows: readonly VmcsRow[], row: VmcsRow): number {
  const outer = row.kind === 'bits' ? 'field' : 'group';
  const at = rows.indexOf(row);
  for (let index = at; index >= 0; index--) if (rows[index]?.kind === outer) return index;
  return at;
}
