/** What the inspector says when it has no fields to show: why, and what to do. */
import { html, type TemplateResult } from 'lit';
import type { VmcsCommand } from '../../panels/vmcs-inspector/vmcs-messages';
import { emptyMessage, startButtons } from '../empty-message';
import type { VmcsModel } from './vmcs-model';

export interface EmptyActions {
  readonly run: (command: VmcsCommand) => void;
  readonly clearFilter: () => void;
}

export function vmcsEmpty(model: VmcsModel, actions: EmptyActions): TemplateResult {
  const { source, body, failure } = model;
  if (failure !== '') return emptyMessage('warning', 'The VMCS cannot be shown', failure);
  if (body !== undefined) {
    const clear = html`<button class="primary" @click=${actions.clearFilter}>
      Clear Filters
    </button>`;
    const text =
      body.comparedWith === ''
        ? 'There is nothing yet to compare with: step, or wait for another exit.'
        : `No field with this text differs from ${body.comparedWith}.`;
    return emptyMessage('filter', 'No field passes the filter', text, clear);
  }
  if (source.state === 'live') {
    return source.running
      ? emptyMessage('debug-pause', 'The guest is running', 'Pause it to see its VMCS.')
      : emptyMessage('loading', 'Reading…', '');
  }
  return emptyMessage(
    'circuit-board',
    source.state === 'none' ? 'No guest has run yet' : 'The session has ended',
    'Each virtual processor has a virtual-machine control structure: what the guest is like, what makes it exit, and why it did. It appears here while a guest is stopped.',
    startButtons(actions.run),
  );
}
