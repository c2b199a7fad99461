/** What the page says when it has no rows: why, and what to do. */
import { html, type TemplateResult } from 'lit';
import type { LogCommand } from '../../panels/exit-log/exit-log-messages';
import type { TrafficModel } from './traffic-model';

export interface EmptyActions {
  readonly run: (command: LogCommand) => void;
  readonly clearFilter: () => void;
}

const explanation =
  'Guests talk to their synthetic devices over VMBus: messages that offer and open channels, and packets in rings of shared memory. They appear here as they cross.';

export function emptyState(model: TrafficModel, actions: EmptyActions): TemplateResult {
  const { source, failure } = model;
  if (source.state === 'none') {
    return message('type-hierarchy', 'No guest has run yet', explanation, startButtons(actions));
  }
  if (source.state === 'ended' && !model.loaded) {
    const text =
      'Its traffic was in the memory of the debug adapter. Debug the guest again to record it anew.';
    return message('type-hierarchy', 'The session has ended', text, startButtons(actions));
  }
  if (model.restricts) {
    return message(
      'filter',
      'Nothing passes the filter',
      'Words are looked for in names, classes and refusals; a comparison such as DataTransferLength>4096 in decoded fields.',
      html`<button class="primary" @click=${actions.clearFilter}>Clear Filters</button>`,
    );
  }
  if (failure !== undefined) {
    return message('warning', 'The traffic cannot be read', failure, html``);
  }
  return message(
    'type-hierarchy',
    'Nothing has crossed VMBus yet',
    'The guest has not contacted its parent. A kernel does so when its Hyper-V drivers start: continue it, or set a breakpoint on vmbus:InitiateContact.',
    html``,
  );
}

function startButtons(actions: EmptyActions): TemplateResult {
  return html`<button class="primary" @click=${() => actions.run('debugGuest')}>
      Debug a Guest
    </button>
    <button class="secondary" @click=${() => actions.run('openSampleGuest')}>
      Open a Sample Guest
    </button>`;
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
