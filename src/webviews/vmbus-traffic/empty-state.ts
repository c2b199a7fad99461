/** What the page says when it has no rows: why, and what to do. */
import { html, type TemplateResult } from 'lit';
import type { LogCommand } from '../../panels/log-messages';
import { emptyMessage, startButtons } from '../empty-message';
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
    return emptyMessage(
      'type-hierarchy',
      'No guest has run yet',
      explanation,
      startButtons(actions.run),
    );
  }
  if (source.state === 'ended' && !model.loaded) {
    const text =
      'Its traffic was in the memory of the debug adapter. Debug the guest again to record it anew.';
    return emptyMessage('type-hierarchy', 'The session has ended', text, startButtons(actions.run));
  }
  if (failure !== undefined) {
    return emptyMessage('warning', 'The traffic cannot be read', failure);
  }
  if (!model.isComplete) {
    return emptyMessage(
      'search',
      'Searching…',
      'Rows are looked at from the oldest to the newest.',
    );
  }
  if (model.restricts) {
    return emptyMessage(
      'filter',
      'Nothing passes the filter',
      'Words are looked for in names, classes and refusals; a comparison such as DataTransferLength>4096 in decoded fields.',
      html`<button class="primary" @click=${actions.clearFilter}>Clear Filters</button>`,
    );
  }
  return emptyMessage(
    'type-hierarchy',
    'Nothing has crossed VMBus yet',
    'The guest has not contacted its parent. A kernel does so when its Hyper-V drivers start: continue it, or set a breakpoint on vmbus:InitiateContact.',
  );
}
