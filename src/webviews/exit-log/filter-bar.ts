/** The bar above the log: text filter, reasons with their counts, and what the log holds. */
import { html, nothing, type TemplateResult } from 'lit';
import type { ExitFilter, ReasonCount } from '../../../debug-adapter/protocol/custom-requests';
import { countedText, countText } from '../../presentation/quantity-text';
import { logBar, type LogBarActions } from '../log-panel/log-bar';
import type { LogModel } from './log-model';
import { reasonCategory } from './reason-category';
import { restricts } from './exit-filter';

export interface FilterBarActions extends LogBarActions {
  readonly toggleReason: (reason: number) => void;
  readonly clearProcessor: () => void;
}

export function filterBar(
  model: LogModel,
  state: { readonly text: string; readonly following: boolean },
  actions: FilterBarActions,
): TemplateResult {
  const { filter, source, loaded, total, recorded, dropped } = model;
  const chips = html`${processorChip(filter, actions)}
  ${chipCounts(model).map((count) => reasonChip(count, filter, actions))}`;
  return logBar(
    {
      title: 'Filter VM exits',
      placeholder: 'Filter: reason, detail, address, symbol',
      searchTitle: 'Filter by reason, detail, address or symbol',
      chipsTitle: 'Exit reasons',
      chips,
      rowName: 'exit',
    },
    { source, loaded, total, held: recorded, dropped, restricts: restricts(filter) },
    state,
    actions,
  );
}

/** Counted reasons, and chosen ones that no row has at present, so that they can be switched off. */
function chipCounts({ reasonCounts, filter }: LogModel): readonly ReasonCount[] {
  const counted = new Set(reasonCounts.map(({ reason }) => reason));
  const empty = (filter.reasons ?? []).filter((reason) => !counted.has(reason));
  return [
    ...reasonCounts,
    ...empty.map((reason) => ({ reason, reasonName: `Reason ${reason}`, count: 0 })),
  ];
}

function reasonChip(
  { reason, reasonName, count }: ReasonCount,
  filter: ExitFilter,
  actions: FilterBarActions,
): TemplateResult {
  const pressed = filter.reasons?.includes(reason) ?? false;
  return html`<button
    class="chip kind-${reasonCategory(reason)}"
    aria-pressed=${pressed}
    aria-label="${reasonName}, ${countedText(count, 'exit')}"
    title="${pressed ? 'Stop showing' : 'Show'} only ${reasonName}"
    @click=${() => actions.toggleReason(reason)}
  >
    <span class="dot" aria-hidden="true"></span><span class="name">${reasonName}</span
    ><span class="count">${countText(count)}</span>
  </button>`;
}

function processorChip(
  { partition, processor }: ExitFilter,
  actions: FilterBarActions,
): TemplateResult | typeof nothing {
  if (partition === undefined || processor === undefined) return nothing;
  return html`<button
    class="chip"
    aria-pressed="true"
    title="Show every virtual processor"
    aria-label="Partition ${partition}, virtual processor ${processor}: show every processor"
    @click=${actions.clearProcessor}
  >
    P${partition} VP ${processor}<i class="codicon codicon-close" aria-hidden="true"></i>
  </button>`;
}
