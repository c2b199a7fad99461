/** The bar above the rows of a log: what is looked for, what a log offers to choose from, and what it holds. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { LogSource } from '../../panels/log-messages';
import { countedText, countText } from '../../presentation/quantity-text';

export interface LogBarActions {
  readonly setText: (text: string) => void;
  readonly clearFilter: () => void;
  readonly toggleFollow: () => void;
  /** Moves the keyboard from the filter to the rows. */
  readonly enterRows: () => void;
}

/** What differs from log to log. */
export interface LogBarLook {
  /** Name of the bar. */
  readonly title: string;
  readonly placeholder: string;
  /** What can be looked for, as a sentence. */
  readonly searchTitle: string;
  /** Name of the group of {@link chips}. */
  readonly chipsTitle: string;
  readonly chips: TemplateResult;
  /** One of what the log holds. */
  readonly rowName: string;
}

/** What a log holds. */
export interface LogHoldings {
  readonly source: LogSource;
  /** False until the first rows came. */
  readonly loaded: boolean;
  /** Rows that pass the filter. */
  readonly total: number;
  /** Rows there are without one. */
  readonly held: number;
  readonly dropped: number;
  /** A filter is set. */
  readonly restricts: boolean;
  /** The filter has not been asked of every row yet. */
  readonly isSearching?: boolean;
}

export function logBar(
  look: LogBarLook,
  holdings: LogHoldings,
  { text, following }: { readonly text: string; readonly following: boolean },
  actions: LogBarActions,
): TemplateResult {
  const follow = `Follow the newest ${look.rowName}`;
  return html`
    <div class="bar" role="search" aria-label=${look.title}>
      ${searchBox(look, text, actions)}
      <div class="chips" role="group" aria-label=${look.chipsTitle}>${look.chips}</div>
      <div class="holdings" aria-live=${spoken(holdings)}>${holdingsText(look, holdings)}</div>
      <button
        class="icon ${following ? 'on' : ''}"
        aria-pressed=${following}
        title=${following ? `Following the newest ${look.rowName}` : follow}
        aria-label=${follow}
        @click=${actions.toggleFollow}
      >
        <i class="codicon codicon-arrow-circle-down" aria-hidden="true"></i>
      </button>
    </div>
  `;
}

function searchBox(
  { placeholder, searchTitle }: LogBarLook,
  text: string,
  actions: LogBarActions,
): TemplateResult {
  return html`<div class="search ${text === '' ? '' : 'active'}">
    <i class="codicon codicon-search" aria-hidden="true"></i>
    <input
      id="filter-text"
      type="text"
      spellcheck="false"
      autocomplete="off"
      placeholder=${placeholder}
      aria-label=${searchTitle}
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
  </div>`;
}

function inputText(event: InputEvent): string {
  return event.target instanceof HTMLInputElement ? event.target.value : '';
}

function keyInFilter(event: KeyboardEvent, actions: LogBarActions): void {
  if (event.key === 'Escape') actions.clearFilter();
  else if (event.key === 'ArrowDown' || event.key === 'Enter') actions.enterRows();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Counts of a running guest change all the time; only those of a stopped one are worth saying. */
function spoken({ source }: LogHoldings): 'polite' | 'off' {
  return source.state !== 'none' && source.running ? 'off' : 'polite';
}

/** `12 of 1,024 exits · 300 oldest dropped · session ended`. */
function holdingsText({ rowName }: LogBarLook, holdings: LogHoldings): string {
  const { total, held, dropped, source, loaded, restricts } = holdings;
  if (source.state === 'none' || !loaded) return '';
  const rows = countedText(held, rowName);
  const parts = [restricts ? `${countText(total)} of ${rows}` : rows];
  if (dropped > 0) parts.push(`${countText(dropped)} oldest dropped`);
  if (holdings.isSearching === true) parts.push('searching…');
  if (source.state === 'ended') parts.push('session ended');
  return parts.join(' · ');
}
