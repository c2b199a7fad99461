/** How the Event Log shows its rows: columns, cells, and a row as a sentence. */
import { html, type TemplateResult } from 'lit';
import type { EventRow } from '../../../debug-adapter/protocol/event-log';
import { virtualTimeColumn } from '../../presentation/quantity-text';
import type { Column, RowLook } from '../log-panel/log-grid';
import { kindLooks, rowSpeech } from './event-text';

const columns: readonly Column[] = [
  { name: 'time', label: 'Time (s)', title: 'Virtual time since power-on, seconds' },
  { name: 'processor', label: 'VP', title: 'Partition and virtual processor' },
  { name: 'kind', label: 'Kind' },
  { name: 'what', label: 'What' },
];

export const eventRows: RowLook<EventRow> = {
  title: 'Events',
  columns,
  cells: rowCells,
  speech: rowSpeech,
  classes: ({ kind }) => `kind-${kind}`,
  identity: ({ id }) => id,
  kind: ({ kind }) => kind,
};

function rowCells({ timeNs, partition, processor, kind, text }: EventRow): TemplateResult {
  const { one, icon } = kindLooks[kind];
  return html`<span class="cell time" role="gridcell">${virtualTimeColumn(timeNs)}</span>
    <span class="cell processor" role="gridcell">P${partition} VP ${processor}</span>
    <span class="cell kind" role="gridcell" title=${one}
      ><i class="codicon codicon-${icon}" aria-hidden="true"></i
      ><span class="text">${one}</span></span
    >
    <span class="cell what" role="gridcell" title=${text}>${text}</span>`;
}
