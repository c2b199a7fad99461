/** How VMBus Traffic shows its rows: as a ladder between guest and parent. */
import { html, nothing, type TemplateResult } from 'lit';
import type { TrafficRow } from '../../../debug-adapter/protocol/traffic';
import { virtualTimeColumn, virtualTimeText } from '../../presentation/quantity-text';
import type { Column, RowLook } from '../log-panel/log-grid';
import type { TrafficModel } from './traffic-model';
import { channelText, kindIcons, rowSpeech } from './traffic-text';

const columns: readonly Column[] = [
  { name: 'time', label: 'Time (s)', title: 'Virtual time since power-on, seconds' },
  { name: 'lane', label: html`<span>Guest</span><span>Parent</span>`, speech: 'Direction' },
  { name: 'channel-name', label: 'Channel' },
  { name: 'name', label: 'What' },
  { name: 'facts', label: 'Fields' },
  { name: 'latency', label: 'Latency', title: 'Virtual time since the request' },
];

/** The partner of the chosen row is marked. */
export function trafficRows({ selection }: TrafficModel): RowLook<TrafficRow> {
  const partner = selection?.row?.partner;
  return {
    title: 'VMBus traffic',
    columns,
    cells: rowCells,
    speech: rowSpeech,
    classes: ({ id, kind, refusal }) =>
      `${kind} ${refusal === '' ? '' : 'refused'} ${id === partner ? 'partner' : ''}`,
    identity: ({ id }) => id,
    kind: () => 'vmbus',
  };
}

function rowCells(row: TrafficRow): TemplateResult {
  return html`<span class="cell time" role="gridcell">${virtualTimeColumn(row.timeNs)}</span>
    <span class="cell lane ${row.direction}" role="gridcell" aria-hidden="true"
      ><span class="line"></span
    ></span>
    <span class="cell channel-name" role="gridcell">${channelText(row)}</span>
    <span class="cell name" role="gridcell" title=${row.name}
      ><i class="codicon codicon-${kindIcons[row.kind]}" aria-hidden="true"></i
      ><span class="text">${row.name}</span></span
    >
    <span class="cell facts" role="gridcell" title=${row.facts}>${factsCell(row)}</span>
    <span class="cell latency" role="gridcell">${latencyCell(row)}</span>`;
}

/** Names of fields are quieter than their values. */
function factsCell(row: TrafficRow): TemplateResult {
  const refusal =
    row.refusal === '' ? nothing : html`<span class="refusal">refused: ${row.refusal}</span> `;
  if (row.kind === 'vmbus-signal') return html`${refusal}${row.facts}`;
  const parts = row.facts.split(/ (?=[A-Z]\w*=)/);
  return html`${refusal}${parts.map((part) => {
    const at = part.indexOf('=');
    return at < 0
      ? html`${part}`
      : html`<span class="field">${part.slice(0, at)}</span>=${part.slice(at + 1)} `;
  })}`;
}

function latencyCell(row: TrafficRow): string {
  if (row.latencyNs !== undefined) return virtualTimeText(row.latencyNs);
  return row.isOpen ? 'open' : '';
}
