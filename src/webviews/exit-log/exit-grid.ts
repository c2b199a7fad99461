/** The rows of the log as an accessible grid that renders only what is visible. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ExitRow } from '../../../debug-adapter/protocol/custom-requests';
import { addressText, countText, virtualTimeColumn } from '../../presentation/quantity-text';
import { rowSpeech } from './exit-text';
import type { LogModel } from './log-model';
import { categoryIcons, reasonCategory } from './reason-category';
import type { RowWindow } from './row-window';

/** Height of rows and of the header; the style sheet says the same. */
export const rowPixels = 22;

export interface GridActions {
  readonly choose: (index: number) => void;
  readonly goToMoment: (row: ExitRow) => void;
  readonly key: (event: KeyboardEvent) => void;
  readonly scrolled: () => void;
}

interface Column {
  readonly name: string;
  readonly label: string;
  readonly title: string;
}

const columns: readonly Column[] = [
  { name: 'number', label: '#', title: 'Number of the exit on its virtual processor' },
  { name: 'time', label: 'Time (s)', title: 'Virtual time since power-on, seconds' },
  { name: 'processor', label: 'VP', title: 'Partition and virtual processor' },
  { name: 'reason', label: 'Exit reason', title: 'Basic exit reason' },
  { name: 'detail', label: 'Detail', title: 'Exit qualification and operands in words' },
  { name: 'rip', label: 'Guest RIP', title: 'Address and symbol of the instruction that exited' },
];

export function exitGrid(model: LogModel, window: RowWindow, actions: GridActions): TemplateResult {
  const selected = model.selection?.index;
  const active = selected !== undefined && selected >= window.first && selected < window.end;
  return html`
    <div
      id="grid"
      class="grid"
      role="grid"
      tabindex="0"
      aria-label="VM exits"
      aria-rowcount=${model.total + 1}
      aria-colcount=${columns.length}
      aria-activedescendant=${active ? `row-${selected}` : nothing}
      @keydown=${actions.key}
      @scroll=${actions.scrolled}
    >
      <div class="row header" role="row" aria-rowindex="1">
        ${columns.map(
          ({ name, label, title }) =>
            html`<span class="cell ${name}" role="columnheader" title=${title}>${label}</span>`,
        )}
      </div>
      <div class="rows" role="rowgroup" .style=${`height:${window.heightPixels}px`}>
        <div role="presentation" .style=${`transform:translateY(${window.offsetPixels}px)`}>
          ${indexes(window).map((index) => gridRow(index, model, actions))}
        </div>
      </div>
    </div>
  `;
}

function indexes({ first, end }: RowWindow): number[] {
  return Array.from({ length: end - first }, (_, offset) => first + offset);
}

function gridRow(index: number, model: LogModel, actions: GridActions): TemplateResult {
  const row = model.rowAt(index);
  const selected = model.selection?.index === index;
  if (row === undefined) {
    return html`<div class="row waiting" role="row" aria-rowindex=${index + 2} id="row-${index}">
      <span class="cell placeholder" role="gridcell" aria-label="Loading"></span>
    </div>`;
  }
  return html`<div
    class="row"
    role="row"
    id="row-${index}"
    aria-rowindex=${index + 2}
    aria-selected=${selected}
    aria-label=${rowSpeech(row)}
    data-exit=${row.id}
    @click=${() => actions.choose(index)}
    @dblclick=${() => actions.goToMoment(row)}
  >
    ${rowCells(row)}
  </div>`;
}

function rowCells(row: ExitRow): TemplateResult {
  const category = reasonCategory(row.reason);
  return html`<span class="cell number" role="gridcell">${countText(row.exitNumber)}</span>
    <span class="cell time" role="gridcell">${virtualTimeColumn(row.timeNs)}</span>
    <span
      class="cell processor"
      role="gridcell"
      title="Partition ${row.partition}, VP ${row.processor}"
      >P${row.partition} VP ${row.processor}</span
    >
    <span class="cell reason kind-${category}" role="gridcell" title=${row.reasonName}
      ><i class="codicon codicon-${categoryIcons[category]}" aria-hidden="true"></i
      ><span class="text">${row.reasonName}</span></span
    >
    <span class="cell detail" role="gridcell" title=${row.detail}>${row.detail}</span>
    <span class="cell rip" role="gridcell" title="${addressText(row.rip)} ${row.symbol}"
      >${addressText(row.rip)}${
        row.symbol === '' ? nothing : html` <span class="symbol">${row.symbol}</span>`
      }</span
    >`;
}
