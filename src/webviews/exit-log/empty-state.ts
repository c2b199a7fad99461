/** What the log says when it has no rows: why, and what to do. */
import { html, type TemplateResult } from 'lit';
import type { LogCommand } from '../../panels/log-messages';
import { emptyMessage, startButtons } from '../empty-message';
import { restricts } from './exit-filter';
import type { LogModel } from './log-model';

export interface EmptyActions {
  readonly run: (command: LogCommand) => void;
  readonly clearFilter: () => void;
}

export function emptyState(model: LogModel, actions: EmptyActions): TemplateResult {
  const { source, filter, loaded } = model;
  if (source.state !== 'live' && !(loaded && restricts(filter))) {
    return emptyMessage('telescope', ...withoutSession(model), startButtons(actions.run));
  }
  if (restricts(filter) && model.recorded > 0) {
    return emptyMessage(
      'filter',
      'No exit passes the filter',
      'The log has exits, but none with this text, reason and processor.',
      html`<button class="primary" @click=${actions.clearFilter}>Clear Filters</button>`,
    );
  }
  if (model.failure !== undefined) {
    return emptyMessage('warning', 'The log cannot be read', model.failure);
  }
  return emptyMessage(
    'pulse',
    'No VM exits yet',
    'The guest has done nothing that its VMCS intercepts. Continue or step it.',
  );
}

/** Title and text while no guest is being debugged. */
function withoutSession({ source, loaded }: LogModel): readonly [string, string] {
  const explanation =
    'Each time a guest does what its VMCS intercepts, the processor leaves it. Those VM exits appear here.';
  if (source.state === 'none') return ['No guest has run yet', explanation];
  if (loaded) return ['The guest made no VM exits', explanation];
  return [
    'The session has ended',
    'Its VM exits were in the memory of the debug adapter. Debug the guest again to record them anew.',
  ];
}
