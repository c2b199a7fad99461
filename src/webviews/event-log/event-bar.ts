/** The bar above the events: filter, kinds, and what the list holds. */
import { html, type TemplateResult } from 'lit';
import {
  askedForKindNames,
  eventKindNames,
  type EventKindName,
} from '../../../debug-adapter/protocol/event-log';
import { logBar, type LogBarActions } from '../log-panel/log-bar';
import type { EventModel } from './event-model';
import { kindLooks } from './event-text';

export interface BarActions extends LogBarActions {
  readonly toggleKind: (kind: EventKindName) => void;
}

export function eventBar(
  model: EventModel,
  state: { readonly text: string; readonly following: boolean },
  actions: BarActions,
): TemplateResult {
  const { source, loaded, total, kept, recorded, isComplete } = model;
  return logBar(
    {
      title: 'Filter events',
      placeholder: 'Filter: words, vector=14',
      searchTitle: 'Filter by words, and by fields such as vector=14',
      chipsTitle: 'Kinds of events',
      chips: html`${eventKindNames.map((kind) => kindChip(kind, model, actions))}`,
      rowName: 'event',
    },
    {
      ...{ source, loaded, total, held: kept, dropped: recorded - kept },
      restricts: model.text !== '',
      isSearching: !isComplete,
    },
    state,
    actions,
  );
}

function kindChip(kind: EventKindName, model: EventModel, actions: BarActions): TemplateResult {
  const { many, icon } = kindLooks[kind];
  const isShown = model.kinds.includes(kind);
  const how = askedForKindNames.includes(kind) ? '; recorded from the moment you choose it' : '';
  return html`<button
    class="chip kind-${kind}"
    aria-pressed=${isShown}
    title="${isShown ? 'Hide' : 'Show'} ${many}${isShown ? '' : how}"
    @click=${() => actions.toggleKind(kind)}
  >
    <i class="codicon codicon-${icon}" aria-hidden="true"></i>${many}
  </button>`;
}
