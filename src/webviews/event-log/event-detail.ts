/** The pane beside the events: every decoded field of the chosen one. */
import { html, nothing, type TemplateResult } from 'lit';
import type { EventRow } from '../../../debug-adapter/protocol/event-log';
import type { LogName } from '../../panels/log-messages';
import type { EventModel } from './event-model';
import { kindLooks, otherLogs } from './event-text';

export interface DetailActions {
  readonly close: () => void;
  readonly goTo: (address: string) => void;
  readonly goToMoment: (row: EventRow) => void;
  /** Shows the row in the log that has more about it. */
  readonly showInOtherLog: (row: EventRow) => void;
  readonly copy: () => void;
}

const otherLogTitles: Readonly<Record<LogName, string>> = {
  exits: 'Show in the VM Exit Log (E)',
  traffic: 'Show in VMBus Traffic (E)',
  events: 'Show in the Event Log (E)',
};

export function eventDetail(model: EventModel, actions: DetailActions): TemplateResult {
  const row = model.selection?.row;
  return html`<section
    id="detail"
    class="detail-pane"
    tabindex="-1"
    aria-label="Details of the chosen event"
    @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && actions.close()}
  >
    ${row === undefined ? chooseHint(actions) : rowDetails(model, row, actions)}
  </section>`;
}

function chooseHint({ close }: DetailActions): TemplateResult {
  return html`<header>
      <h2>Event details</h2>
      <span class="spring"></span>${iconButton('close', 'Close details', close)}
    </header>
    <p class="hint">Choose an event to see its fields.</p>`;
}

function rowDetails(model: EventModel, row: EventRow, actions: DetailActions): TemplateResult {
  const { one, icon } = kindLooks[row.kind];
  const detail = model.detail?.row.id === row.id ? model.detail : undefined;
  const code = detail?.code;
  const other = otherLogs[row.kind];
  return html`<header class="kind-${row.kind}">
      <i class="codicon codicon-${icon}" aria-hidden="true"></i>
      <h2>${one}</h2>
      <span class="spring"></span>
      ${iconButton('history', 'Go to this moment', () => actions.goToMoment(row))}
      ${
        code === undefined
          ? nothing
          : iconButton('go-to-file', 'Go to the code that led to it', () => actions.goTo(code.rip))
      }
      ${
        other === undefined
          ? nothing
          : iconButton('link-external', otherLogTitles[other], () => actions.showInOtherLog(row))
      }
      ${iconButton('copy', 'Copy details as text', actions.copy)}
      ${iconButton('close', 'Close details', actions.close)}
    </header>
    <div class="detail-body" tabindex="0" role="group" aria-label="Fields">
      <p class="summary">${row.text}</p>
      ${code === undefined ? nothing : html`<p class="where">at ${code.text}</p>`}
      ${
        detail === undefined
          ? html`<p class="hint">${model.failure ?? 'Reading…'}</p>`
          : html`<dl>
              ${detail.fields.map(
                ({ name, value, note }) =>
                  html`<div class="pair">
                    <dt>${name}</dt>
                    <dd>${value}${noteText(note)}</dd>
                  </div>`,
              )}
            </dl>`
      }
    </div>`;
}

function noteText(note: string | undefined): TemplateResult | typeof nothing {
  return note === undefined ? nothing : html`<span class="note">${note}</span>`;
}

function iconButton(icon: string, label: string, run: () => void): TemplateResult {
  return html`<button class="icon" title=${label} aria-label=${label} @click=${run}>
    <i class="codicon codicon-${icon}" aria-hidden="true"></i>
  </button>`;
}
