/** The bar above the tree: text filter, what is shown and compared, and copying. */
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { VmcsModel } from './vmcs-model';

export interface BarActions {
  readonly setFilter: (text: string) => void;
  readonly toggleChangedOnly: () => void;
  readonly compareWith: (moment: string) => void;
  readonly showNow: () => void;
  readonly copyText: () => void;
  readonly copyJson: () => void;
  /** Moves the keyboard from the filter to the rows. */
  readonly enterRows: () => void;
}

export function vmcsBar(model: VmcsModel, actions: BarActions): TemplateResult {
  const { filter, changedOnly } = model.choice;
  return html`
    <div class="bar" role="search" aria-label="VMCS fields">
      <div class="search ${filter === '' ? '' : 'active'}">
        <i class="codicon codicon-search" aria-hidden="true"></i>
        <input
          id="filter-text"
          type="text"
          spellcheck="false"
          autocomplete="off"
          placeholder="Filter: field, bit, value, section"
          aria-label="Filter by field, bit, value or section"
          .value=${live(filter)}
          @input=${(event: InputEvent) => actions.setFilter(inputText(event))}
          @keydown=${(event: KeyboardEvent) => keyInFilter(event, actions)}
        />
      </div>
      <button
        class="chip"
        aria-pressed=${changedOnly}
        title="Show only fields that differ from what is compared with"
        @click=${actions.toggleChangedOnly}
      >
        <span class="dot changed-dot"></span>Changed only<span class="count"
          >${model.changedCount}</span
        >
      </button>
      <label class="compare">Compare with ${comparisonSelect(model, actions)}</label>
      ${momentChip(model, actions)}
      <span class="spring"></span>
      <div class="holdings" aria-live="polite">${holdings(model)}</div>
      ${iconButton('copy', 'Copy the shown fields as text', actions.copyText)}
      ${iconButton('json', 'Copy the shown fields as JSON lines', actions.copyJson)}
    </div>
  `;
}

function comparisonSelect({ choice }: VmcsModel, actions: BarActions): TemplateResult {
  const { comparedWith } = choice;
  const options: readonly (readonly [value: string, label: string])[] = [
    ['last-stop', 'last stop'],
    ['previous-exit', 'exit before'],
    ...(/^\d/.test(comparedWith)
      ? [[comparedWith, `exit at position ${comparedWith.split('.')[0] ?? ''}`] as const]
      : []),
  ];
  return html`<select
    id="compared-with"
    aria-label="Compare with"
    @change=${(event: Event) => actions.compareWith(inputText(event))}
  >
    ${options.map(
      ([value, label]) =>
        html`<option value=${value} ?selected=${value === comparedWith}>${label}</option>`,
    )}
  </select>`;
}

/** The moment that is shown, where it is not the present: a click comes back. */
function momentChip(model: VmcsModel, actions: BarActions): TemplateResult | typeof nothing {
  if (model.exit === undefined) return nothing;
  return html`<button
    class="chip"
    aria-pressed="true"
    title="Show the present again"
    @click=${actions.showNow}
  >
    <span class="name">${model.body?.moment ?? 'An exit'}</span
    ><i class="codicon codicon-close" aria-hidden="true"></i>
  </button>`;
}

/** `hello-partition: VP 0 · Now, exit 12, CPUID, handled`. */
function holdings({ source, body, exit }: VmcsModel): string {
  if (source.state === 'none') return '';
  const parts = [body?.thread ?? ''];
  if (body !== undefined && exit === undefined) parts.push(body.moment);
  if (source.state === 'ended') parts.push('session ended');
  else if (source.running) parts.push('running');
  return parts.filter((part) => part !== '').join(' · ');
}

function inputText({ target }: Event): string {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement
    ? target.value
    : '';
}

function keyInFilter(event: KeyboardEvent, actions: BarActions): void {
  if (event.key === 'Escape') actions.setFilter('');
  else if (event.key === 'Enter' || event.key === 'ArrowDown') actions.enterRows();
  else return;
  event.preventDefault();
}

function iconButton(icon: string, label: string, run: () => void): TemplateResult {
  return html`<button class="icon" title=${label} aria-label=${label} @click=${run}>
    <i class="codicon codicon-${icon}" aria-hidden="true"></i>
  </button>`;
}
