/** What the inspector says when it has no fields to show: why, and what to do. */
import { html, type TemplateResult } from 'lit';
import type { VmcsCommand } from '../../panels/vmcs-inspector/vmcs-messages';
import type { VmcsModel } from './vmcs-model';

export interface EmptyActions {
  readonly run: (command: VmcsCommand) => void;
  readonly clearFilter: () => void;
}

export function vmcsEmpty(model: VmcsModel, actions: EmptyActions): TemplateResult {
  const { source, body, failure } = model;
  if (failure !== '') return message('warning', 'The VMCS cannot be shown', failure, html``);
  if (body !== undefined) {
    const clear = html`<button class="primary" @click=${actions.clearFilter}>
      Clear Filters
    </button>`;
    const text =
      body.comparedWith === ''
        ? 'There is nothing yet to compare with: step, or wait for another exit.'
        : `No field with this text differs from ${body.comparedWith}.`;
    return message('filter', 'No field passes the filter', text, clear);
  }
  if (source.state === 'live') {
    return source.running
      ? message('debug-pause', 'The guest is running', 'Pause it to see its VMCS.', html``)
      : message('loading', 'Reading…', '', html``);
  }
  const start = html`<button class="primary" @click=${() => actions.run('debugGuest')}>
      Debug a Guest
    </button>
    <button class="secondary" @click=${() => actions.run('openSampleGuest')}>
      Open a Sample Guest
    </button>`;
  return message(
    'circuit-board',
    source.state === 'none' ? 'No guest has run yet' : 'The session has ended',
    'Each virtual processor has a virtual-machine control structure: what the guest is like, what makes it exit, and why it did. It appears here while a guest is stopped.',
    start,
  );
}

function message(
  icon: string,
  title: string,
  text: string,
  buttons: TemplateResult,
): TemplateResult {
  return html`<div class="empty" role="status">
    <i class="codicon codicon-${icon}" aria-hidden="true"></i>
    <h2>${title}</h2>
    <p>${text}</p>
    <div class="buttons">${buttons}</div>
  </div>`;
}
