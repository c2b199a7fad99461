/** What the page says when it has no rows: why, and what to do. */
import { html, type TemplateResult } from 'lit';
import { askedForKindNames } from '../../../debug-adapter/protocol/event-log';
import type { LogCommand } from '../../panels/log-messages';
import { emptyMessage, startButtons } from '../empty-message';
import type { EventModel } from './event-model';

export interface EmptyActions {
  readonly run: (command: LogCommand) => void;
  readonly clearFilter: () => void;
}

const explanation =
  'Everything that happens between a guest, the hypervisor and the parent partition appears here in one order: exits, hypercalls, messages, packets, interrupts.';

export function emptyState(model: EventModel, actions: EmptyActions): TemplateResult {
  const { source, failure, kinds } = model;
  if (source.state === 'none') {
    return emptyMessage(
      'list-tree',
      'No guest has run yet',
      explanation,
      startButtons(actions.run),
    );
  }
  if (source.state === 'ended' && !model.loaded) {
    const text =
      'Its events were in the memory of the debug adapter. Debug the guest again to record them anew.';
    return emptyMessage('list-tree', 'The session has ended', text, startButtons(actions.run));
  }
  if (failure !== undefined) return emptyMessage('warning', 'The events cannot be read', failure);
  if (kinds.length === 0) {
    return emptyMessage(
      'list-tree',
      'No kind is chosen',
      'Choose kinds of events in the bar above.',
    );
  }
  if (model.text !== '') {
    const clear = html`<button class="primary" @click=${actions.clearFilter}>Clear Filter</button>`;
    const text =
      'Words are looked for in what the rows say; a comparison such as vector=14 in decoded fields.';
    return model.isComplete
      ? emptyMessage('filter', 'Nothing passes the filter', text, clear)
      : emptyMessage('search', 'Searching…', text, clear);
  }
  const areAskedFor = kinds.every((kind) => askedForKindNames.includes(kind));
  return emptyMessage(
    'list-tree',
    'No such events yet',
    areAskedFor
      ? 'These kinds cost time, so they are recorded only from the moment you choose them. Continue or step the guest.'
      : 'Continue or step the guest.',
  );
}
