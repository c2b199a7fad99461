/** The rows of a log as an accessible grid that renders only what is visible. */
import { html, nothing, type TemplateResult } from 'lit';
import type { EventKindName } from '../../../debug-adapter/protocol/event-log';
import type { RowMoment } from './row-moment';
import type { RowWindow } from './row-window';

export interface GridActions<Row extends RowMoment> {
  readonly choose: (index: number) => void;
  readonly goToMoment: (row: Row) => void;
  readonly key: (event: KeyboardEvent) => void;
  readonly scrolled: () => void;
}

/** What the grid needs of a model. */
export interface GridModel<Row extends RowMoment> {
  readonly total: number;
  readonly selection: { readonly index: number } | undefined;
  rowAt(index: number): Row | undefined;
}

/** A column; its name is the class of its cells. */
export interface Column {
  readonly name: string;
  readonly label: string | TemplateResult;
  readonly title?: string;
  /** For assistive technology, where the label does not say it. */
  readonly speech?: string;
}

/** How a log shows its rows. */
export interface RowLook<Row extends RowMoment> {
  /** Name of the grid. */
  readonly title: string;
  readonly columns: readonly Column[];
  readonly cells: (row: Row) => TemplateResult;
  /** The row as a sentence. */
  readonly speech: (row: Row) => string;
  /** Classes of the row besides `row`. */
  readonly classes: (row: Row) => string;
  readonly identity: (row: Row) => string;
  /** Its kind in the Event Log: menus offer by it where the row leads to. */
  readonly kind: (row: Row) => EventKindName;
}

export function logGrid<Row extends RowMoment>(
  model: GridModel<Row>,
  window: RowWindow,
  look: RowLook<Row>,
  actions: GridActions<Row>,
): TemplateResult {
  const selected = model.selection?.index;
  const active = selected !== undefined && selected >= window.first && selected < window.end;
  const selectedRow = selected === undefined ? undefined : model.rowAt(selected);
  const indexes = Array.from({ length: window.end - window.first }, (_, at) => window.first + at);
  return html`
    <div
      id="grid"
      class="grid"
      role="grid"
      tabindex="0"
      aria-label=${look.title}
      aria-rowcount=${model.total + 1}
      aria-colcount=${look.columns.length}
      aria-activedescendant=${active ? `row-${selected}` : nothing}
      data-vscode-context=${selectedRow === undefined ? noMenu : menuContext(selectedRow, look)}
      @keydown=${actions.key}
      @scroll=${actions.scrolled}
    >
      <div class="row header" role="row" aria-rowindex="1">${look.columns.map(headerCell)}</div>
      <div class="rows" role="rowgroup" .style=${`height:${window.heightPixels}px`}>
        <div role="presentation" .style=${`transform:translateY(${window.offsetPixels}px)`}>
          ${indexes.map((index) => gridRow(index, model, look, actions))}
        </div>
      </div>
    </div>
  `;
}

const noMenu = JSON.stringify({ preventDefaultContextMenuItems: true });

/** What VS Code hands to the commands of the context menu; the keyboard opens that of the grid, for the chosen row. */
function menuContext<Row extends RowMoment>(row: Row, look: RowLook<Row>): string {
  return JSON.stringify({
    webviewSection: 'row',
    rowId: look.identity(row),
    rowKind: look.kind(row),
    preventDefaultContextMenuItems: true,
  });
}

function headerCell({ name, label, title, speech }: Column): TemplateResult {
  return html`<span
    class="cell ${name}"
    role="columnheader"
    title=${title ?? nothing}
    aria-label=${speech ?? nothing}
    >${label}</span
  >`;
}

/**
 * A row is chosen as the mouse goes down: while rows come in, another is under it when it comes up, and
 * there is no click. One that no mouse made, as assistive technology makes it, chooses as well.
 */
function gridRow<Row extends RowMoment>(
  index: number,
  model: GridModel<Row>,
  look: RowLook<Row>,
  actions: GridActions<Row>,
): TemplateResult {
  const row = model.rowAt(index);
  if (row === undefined) {
    return html`<div class="row waiting" role="row" aria-rowindex=${index + 2} id="row-${index}">
      <span class="cell placeholder" role="gridcell" aria-label="Loading"></span>
    </div>`;
  }
  return html`<div
    class="row ${look.classes(row)}"
    role="row"
    id="row-${index}"
    aria-rowindex=${index + 2}
    aria-selected=${model.selection?.index === index}
    aria-label=${look.speech(row)}
    data-row=${look.identity(row)}
    data-vscode-context=${menuContext(row, look)}
    @mousedown=${(event: MouseEvent) => event.button === 0 && actions.choose(index)}
    @click=${(event: MouseEvent) => event.detail === 0 && actions.choose(index)}
    @dblclick=${() => actions.goToMoment(row)}
  >
    ${look.cells(row)}
  </div>`;
}
