/** The rows as an accessible grid, in the form of a ladder between guest and parent; renders only what is visible. */
import { html, nothing, type TemplateResult } from 'lit';
import type { TrafficRow } from '../../../debug-adapter/protocol/traffic';
import { virtualTimeColumn, virtualTimeText } from '../../presentation/quantity-text';
import type { RowWindow } from '../exit-log/row-window';
import type { TrafficModel } from './traffic-model';
import { channelText, kindIcons, rowSpeech } from './traffic-text';

/** Height of rows and of the header; the style sheet says the same. */
export const rowPixels = 22;

export interface GridActions {
  readonly choose: (index: number) => void;
  readonly goToMoment: (row: TrafficRow) => void;
  readonly key: (event: KeyboardEvent) => void;
  readonly scrolled: () => void;
}

const columnCount = 6;

export function trafficGrid(
  model: TrafficModel,
  window: RowWindow,
  actions: GridActions,
): TemplateResult {
  const selected = model.selection?.index;
  const active = selected !== undefined && selected >= window.first && selected < window.end;
  const indexes = Array.from({ length: window.end - window.first }, (_, at) => window.first + at);
  return html`
    <div
      id="grid"
      class="grid"
      role="grid"
      tabindex="0"
      aria-label="VMBus traffic"
      aria-rowcount=${model.total + 1}
      aria-colcount=${columnCount}
      aria-activedescendant=${active ? `row-${selected}` : nothing}
      @keydown=${actions.key}
      @scroll=${actions.scrolled}
    >
      <div class="row header" role="row" aria-rowindex="1">
        <span class="cell time" role="columnheader" title="Virtual time since power-on, seconds"
          >Time (s)</span
        >
        <span class="cell lane" role="columnheader" aria-label="Direction"
          ><span>Guest</span><span>Parent</span></span
        >
        <span class="cell channel-name" role="columnheader">Channel</span>
        <span class="cell name" role="columnheader">What</span>
        <span class="cell facts" role="columnheader">Fields</span>
        <span class="cell latency" role="columnheader" title="Virtual time since the request"
          >Latency</span
        >
      </div>
      <div class="rows" role="rowgroup" .style=${`height:${window.heightPixels}px`}>
        <div role="presentation" .style=${`transform:translateY(${window.offsetPixels}px)`}>
          ${indexes.map((index) => gridRow(index, model, actions))}
        </div>
      </div>
    </div>
  `;
}

function gridRow(index: number, model: TrafficModel, actions: GridActions): TemplateResult {
  const row = model.rowAt(index);
  if (row === undefined) {
    return html`<div class="row waiting" role="row" aria-rowindex=${index + 2} id="row-${index}">
      <span class="cell placeholder" role="gridcell" aria-label="Loading"></span>
    </div>`;
  }
  const isPartner = model.selection?.row?.partner === row.id;
  return html`<div
    class="row ${row.kind} ${row.refusal === '' ? '' : 'refused'} ${isPartner ? 'partner' : ''}"
    role="row"
    id="row-${index}"
    aria-rowindex=${index + 2}
    aria-selected=${model.selection?.index === index}
    aria-label=${rowSpeech(row)}
    data-row=${row.id}
    @click=${() => actions.choose(index)}
    @dblclick=${() => actions.goToMoment(row)}
  >
    <span class="cell time" role="gridcell">${virtualTimeColumn(row.timeNs)}</span>
    <span class="cell lane ${row.direction}" role="gridcell" aria-hidden="true"
      ><span class="line"></span
    ></span>
    <span class="cell channel-name" role="gridcell">${channelText(row)}</span>
    <span class="cell name" role="gridcell" title=${row.name}
      ><i class="codicon codicon-${kindIcons[row.kind]}" aria-hidden="true"></i
      ><span class="text">${row.name}</span></span
    >
    <span class="cell facts" role="gridcell" title=${row.facts}>${factsCell(row)}</span>
    <span class="cell latency" role="gridcell">${latencyCell(row)}</span>
  </div>`;
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
