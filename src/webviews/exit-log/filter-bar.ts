/** The bar above the log: text filter, reasons with their counts, and what the log holds. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { ExitFilter, ReasonCount } from '../../../debug-adapter/protocol/custom-requests';
import { countedText, countText } from '../../presentation/quantity-text';
import type { LogModel } from './log-model';
import { reasonCategory } from './reason-category';
import { restricts } from './exit-filter';

/** What the bar shows besides the model. */
export interface FilterBarState {
  readonly text: string;
  readonly following: boolean;
}

export interface FilterBarActions {
  readonly setText: (text: string) => void;
  readonly toggleReason: (reason: number) => void;
  readonly clearProcessor: () => void;
  readonly clearFilter: () => void;
  readonly toggleFollow: () => void;
  /** Moves the keyboard from the filter to the rows. */
  readonly enterRows: () => void;
}

export function filterBar(
  model: LogModel,
  { text, following }: FilterBarState,
  actions: FilterBarActions,
): TemplateResult {
  const { filter } = model;
  return html`
    <div class="bar" role="search" aria-label="Filter VM exits">
      <div class="search ${text === '' ? '' : 'active'}">
        <i class="codicon codicon-search" aria-hidden="true"></i>
        <input
          id="filter-text"
          type="text"
          spellcheck="false"
          autocomplete="off"
          placeholder="Filter: reason, detail, address, symbol"
          aria-label="Filter by reason, detail, address or symbol"
          .value=${live(text)}
          @input=${(event: InputEvent) => actions.setText(inputText(event))}
          @keydown=${(event: KeyboardEvent) => keyInFilter(event, actions)}
        />
        ${
          text === ''
            ? nothing
            : html`<button
                class="icon"
                title="Clear text"
                aria-label="Clear filter text"
                @click=${() => actions.setText('')}
              >
                <i class="codicon codicon-close" aria-hidden="true"></i>
              </button>`
        }
      </div>
      <div class="chips" role="group" aria-label="Exit reasons">
        ${processorChip(filter, actions)}
        ${chipCounts(model).map((count) => reasonChip(count, filter, actions))}
      </div>
      <div class="holdings" aria-live=${spoken(model)}>${holdingsText(model)}</div>
      <button
        class="icon ${following ? 'on' : ''}"
        aria-pressed=${following}
        title=${following ? 'Following the newest exit' : 'Follow the newest exit'}
        aria-label="Follow the newest exit"
        @click=${actions.toggleFollow}
      >
        <i class="codicon codicon-arrow-circle-down" aria-hidden="true"></i>
      </button>
    </div>
  `;
}

function inputText(event: InputEvent): string {
  return event.target instanceof HTMLInputElement ? event.target.value : '';
}

function keyInFilter(event: KeyboardEvent, actions: FilterBarActions): void {
  if (event.key === 'Escape') actions.clearFilter();
  else if (event.key === 'ArrowDown' || event.key === 'Enter') actions.enterRows();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Counted reasons, and chosen ones that no row has at present, so that they can be switched off. */
function chipCounts({ reasonCounts, filter }: LogModel): readonly ReasonCount[] {
  const counted = new Set(reasonCounts.map(({ reason }) => reason));
  const empty = (filter.reasons ?? []).filter((reason) => !counted.has(reason));
  return [
    ...reasonCounts,
    ...empty.map((reason) => ({ reason, reasonName: `Reason ${reason}`, count: 0 })),
  ];
}

function reasonChip(
  { reason, reasonName, count }: ReasonCount,
  filter: ExitFilter,
  actions: FilterBarActions,
): TemplateResult {
  const pressed = filter.reasons?.includes(reason) ?? false;
  return html`<button
    class="chip kind-${reasonCategory(reason)}"
    aria-pressed=${pressed}
    aria-label="${reasonName}, ${countedText(count, 'exit')}"
    title="${pressed ? 'Stop showing' : 'Show'} only ${reasonName}"
    @click=${() => actions.toggleReason(reason)}
  >
    <span class="dot" aria-hidden="true"></span><span class="name">${reasonName}</span
    ><span class="count">${countText(count)}</span>
  </button>`;
}

function processorChip(
  { partition, processor }: ExitFilter,
  actions: FilterBarActions,
): TemplateResult | typeof nothing {
  if (partition === undefined || processor === undefined) return nothing;
  return html`<button
    class="chip"
    aria-pressed="true"
    title="Show every virtual processor"
    aria-label="Partition ${partition}, virtual processor ${processor}: show every processor"
    @click=${actions.clearProcessor}
  >
    P${partition} VP ${processor}<i class="codicon codicon-close" aria-hidden="true"></i>
  </button>`;
}

/** Counts of a running guest change all the time; only those of a stopped one are worth saying. */
function spoken({ source }: LogModel): 'polite' | 'off' {
  return source.state !== 'none' && source.running ? 'off' : 'polite';
}

/** `12 of 1,024 exits · 300 dropped · session ended`. */
function holdingsText({ total, recorded, dropped, filter, source, loaded }: LogModel): string {
  if (source.state === 'none' || !loaded) return '';
  const exits = countedText(recorded, 'exit');
  const parts = [restricts(filter) ? `${countText(total)} of ${exits}` : exits];
  if (dropped > 0) parts.push(`${countText(dropped)} oldest dropped`);
  if (source.state === 'ended') parts.push('session ended');
  return parts.join(' · ');
}
