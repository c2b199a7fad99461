/** The bar above the rows: filter, kinds, and what the list holds. */
import { html, nothing, type TemplateResult } from 'lit';
import type { TrafficKind } from '../../../debug-adapter/protocol/traffic';
import { logBar, type LogBarActions } from '../log-panel/log-bar';
import { trafficKinds, type TrafficModel } from './traffic-model';
import { kindIcons, kindNames } from './traffic-text';

export interface BarActions extends LogBarActions {
  readonly toggleKind: (kind: TrafficKind) => void;
}

export function trafficBar(
  model: TrafficModel,
  state: { readonly text: string; readonly following: boolean },
  actions: BarActions,
): TemplateResult {
  const { source, loaded, total, kept, dropped, restricts, isComplete } = model;
  const clear = html`<button class="chip" @click=${actions.clearFilter}>
    Clear<i class="codicon codicon-close" aria-hidden="true"></i>
  </button>`;
  return logBar(
    {
      title: 'Filter VMBus traffic',
      placeholder: 'Filter: words, DataTransferLength>4096',
      searchTitle: 'Filter by words, and by fields such as DataTransferLength>4096',
      chipsTitle: 'Kinds',
      chips: html`${trafficKinds.map((kind) => kindChip(kind, model, actions))}
      ${restricts ? clear : nothing}`,
      rowName: 'row',
    },
    { source, loaded, total, held: kept, dropped, restricts, isSearching: !isComplete },
    state,
    actions,
  );
}

function kindChip(kind: TrafficKind, model: TrafficModel, actions: BarActions): TemplateResult {
  return html`<button
    class="chip ${kind}"
    aria-pressed=${model.filter.kinds?.includes(kind) === true}
    @click=${() => actions.toggleKind(kind)}
  >
    <i class="codicon codicon-${kindIcons[kind]}" aria-hidden="true"></i>${kindNames[kind][1]}
  </button>`;
}
