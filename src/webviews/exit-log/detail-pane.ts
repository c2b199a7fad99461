/** The pane beside the log: registers and VMCS exit information of the chosen exit. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ExitRow, NamedValues } from '../../../debug-adapter/protocol/custom-requests';
import { countText } from '../../presentation/quantity-text';
import { whereText } from './exit-text';
import type { LogModel } from './log-model';
import { categoryIcons, reasonCategory } from './reason-category';

export interface DetailActions {
  readonly close: () => void;
  readonly goTo: (row: ExitRow) => void;
  readonly goToMoment: (row: ExitRow) => void;
  /** Shows the VMCS of the exit, or puts it beside the one that is shown. */
  readonly inspectVmcs: (row: ExitRow) => void;
  readonly compareVmcs: (row: ExitRow) => void;
  /** Shows the row among the events of all kinds. */
  readonly showInOtherLog: (row: ExitRow) => void;
  readonly copy: () => void;
}

export function detailPane(model: LogModel, actions: DetailActions): TemplateResult {
  const row = model.selection?.row;
  return html`
    <section
      id="detail"
      class="detail-pane"
      tabindex="-1"
      aria-label="Details of the chosen exit"
      @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && actions.close()}
    >
      ${row === undefined ? chooseHint(actions) : rowDetails(model, row, actions)}
    </section>
  `;
}

function chooseHint(actions: DetailActions): TemplateResult {
  return html`<header>
      <h2>Exit details</h2>
      ${iconButton('close', 'Close details', actions.close)}
    </header>
    <p class="hint">Choose an exit to see the registers of that moment.</p>`;
}

function rowDetails(model: LogModel, row: ExitRow, actions: DetailActions): TemplateResult {
  const category = reasonCategory(row.reason);
  const detail = model.detail?.row.id === row.id ? model.detail : undefined;
  return html`<header class="kind-${category}">
      <i class="codicon codicon-${categoryIcons[category]}" aria-hidden="true"></i>
      <h2>${row.reasonName}</h2>
      <span class="faint">#${countText(row.exitNumber)}</span>
      <span class="spring"></span>
      ${iconButton('history', 'Go to this moment', () => actions.goToMoment(row))}
      ${iconButton('go-to-file', 'Go to instruction', () => actions.goTo(row))}
      ${iconButton('circuit-board', 'Show the VMCS at this exit', () => actions.inspectVmcs(row))}
      ${iconButton('diff', 'Compare the shown VMCS with that of this exit', () => actions.compareVmcs(row))}
      ${iconButton('list-tree', 'Show in the Event Log (E)', () => actions.showInOtherLog(row))}
      ${iconButton('copy', 'Copy details as text', actions.copy)}
      ${iconButton('close', 'Close details', actions.close)}
    </header>
    <div class="detail-body" tabindex="0" role="group" aria-label="Values">
      ${row.detail === '' ? nothing : html`<p class="summary">${row.detail}</p>`}
      <p class="where">${whereText(row)}</p>
      ${detail === undefined ? missingDetails(model) : detail.groups.map(valueGroup)}
    </div>`;
}

function missingDetails({ failure }: LogModel): TemplateResult {
  return html`<p class="hint">${failure ?? 'Reading…'}</p>`;
}

function valueGroup({ name, values }: NamedValues): TemplateResult {
  return html`<h3>${name}</h3>
    <dl class=${isCompact(values) ? 'compact' : ''}>
      ${values.map(
        ({ name: label, value, note }) =>
          html`<div class="pair ${hasNote(note) ? 'noted' : ''}">
            <dt>${label}</dt>
            <dd>
              ${value}${
                note === undefined || note === ''
                  ? nothing
                  : html`<span class="note">${note}</span>`
              }
            </dd>
          </div>`,
      )}
    </dl>`;
}

/** Longest name of a value that may share its line with another: `RFLAGS`. */
const compactNameLength = 6;

/** Registers stand two on a line; values with long names or many notes have a line each. */
function isCompact(values: NamedValues['values']): boolean {
  return (
    values.every(({ name }) => name.length <= compactNameLength) &&
    values.filter(({ note }) => hasNote(note)).length * 2 < values.length
  );
}

function hasNote(note: string | undefined): boolean {
  return note !== undefined && note !== '';
}

function iconButton(icon: string, label: string, run: () => void): TemplateResult {
  return html`<button class="icon" title=${label} aria-label=${label} @click=${run}>
    <i class="codicon codicon-${icon}" aria-hidden="true"></i>
  </button>`;
}
