/** How the VM Exit Log shows its rows: columns, cells, and a row as a sentence. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ExitRow } from '../../../debug-adapter/protocol/custom-requests';
import { addressText, countText, virtualTimeColumn } from '../../presentation/quantity-text';
import type { Column, RowLook } from '../log-panel/log-grid';
import { rowSpeech } from './exit-text';
import { categoryIcons, reasonCategory } from './reason-category';

const columns: readonly Column[] = [
  { name: 'number', label: '#', title: 'Number of the exit on its virtual processor' },
  { name: 'time', label: 'Time (s)', title: 'Virtual time since power-on, seconds' },
  { name: 'processor', label: 'VP', title: 'Partition and virtual processor' },
  { name: 'reason', label: 'Exit reason', title: 'Basic exit reason' },
  { name: 'detail', label: 'Detail', title: 'Exit qualification and operands in words' },
  { name: 'rip', label: 'Guest RIP', title: 'Address and symbol of the instruction that exited' },
];

export const exitRows: RowLook<ExitRow> = {
  title: 'VM exits',
  columns,
  cells: rowCells,
  speech: rowSpeech,
  classes: () => '',
  identity: ({ id }) => id,
  kind: () => 'exits',
};

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
