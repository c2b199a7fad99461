/** The bar above the rows: filter, kinds, and what the list holds. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { TrafficKind } from '../../../debug-adapter/protocol/traffic';
import { countedText, countText } from '../../presentation/quantity-text';
import { trafficKinds, type TrafficModel } from './traffic-model';
import { kindIcons, kindNames } from './traffic-text';

export interface BarActions {
  readonly setText: (text: string) => void;
  readonly toggleKind: (kind: TrafficKind) => void;
  readonly clearFilter: () => void;
  readonly toggleFollow: () => void;
  /** Moves the keyboard from the filter to the rows. */
  readonly enterRows: () => void;
}

/** What the bar shows besides the model. */
export interface BarState {
  readonly text: string;
  readonly following: boolean;
}

export function trafficBar(
  model: TrafficModel,
  { text, following }: BarState,
  actions: BarActions,
): TemplateResult {
  return html`<div class="bar" role="search" aria-label="Filter VMBus traffic">
    <div class="search ${text === '' ? '' : 'active'}">
      <i class="codicon codicon-search" aria-hidden="true"></i>
      <input
        id="filter-text"
        type="text"
        spellcheck="false"
        autocomplete="off"
        placeholder="Filter: words, DataTransferLength>4096"
        aria-label="Filter by words, and by fields such as DataTransferLength>4096"
        .value=${live(text)}
        @input=${(event: InputEvent) => actions.setText(inputText(event))}
        @keydown=${(event: KeyboardEvent) => keyInFilter(event, actions)}
      />
    </div>
    <div class="chips" role="group" aria-label="Kinds">
      ${trafficKinds.map((kind) => kindChip(kind, model, actions))}
      ${
        model.restricts
          ? html`<button class="chip" @click=${actions.clearFilter}>
              Clear<i class="codicon codicon-close" aria-hidden="true"></i>
            </button>`
          : nothing
      }
    </div>
    <output class="holdings" aria-live=${isRunning(model) ? 'off' : 'polite'}
      >${holdingsText(model)}</output
    >
    <button
      class="icon ${following ? 'on' : ''}"
      title="Follow the newest row"
      aria-label="Follow the newest row"
      aria-pressed=${following}
      @click=${actions.toggleFollow}
    >
      <i class="codicon codicon-arrow-down" aria-hidden="true"></i>
    </button>
  </div>`;
}

function kindChip(kind: TrafficKind, model: TrafficModel, actions: BarActions): TemplateResult {
  return html`<button
    class="chip ${kind}"
    aria-pressed=${model.filter.kinds?.includes(kind) === true}
    @click=${() => actions.toggleKind(kind)}
  >
    <i class="codicon codicon-${kindIcons[kind]}" aria-hidden="true"></i>${kindNames[kind][1]}
  </button>`;
}

function inputText(event: InputEvent): string {
  return event.target instanceof HTMLInputElement ? event.target.value : '';
}

function keyInFilter(event: KeyboardEvent, actions: BarActions): void {
  if (event.key === 'Escape') actions.setText('');
  else if (event.key === 'ArrowDown' || event.key === 'Enter') actions.enterRows();
  else return;
  event.preventDefault();
}

function isRunning({ source }: TrafficModel): boolean {
  return source.state !== 'none' && source.running;
}

/** `12 of 1,024 rows · 300 oldest dropped · session ended`. */
function holdingsText(model: TrafficModel): string {
  const { total, recorded, dropped, source, loaded } = model;
  if (source.state === 'none' || !loaded) return '';
  const rows = countedText(recorded - dropped, 'row');
  const parts = [model.restricts ? `${countText(total)} of ${rows}` : rows];
  if (dropped > 0) parts.push(`${countText(dropped)} oldest dropped`);
  if (source.state === 'ended') parts.push('session ended');
  return parts.join(' · ');
}
