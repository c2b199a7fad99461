/** What the page keeps while it is hidden: kinds, filter and pane. */
import { eventKindNames, type EventKindName } from '../../../debug-adapter/protocol/event-log';

export interface PageState {
  readonly kinds: readonly EventKindName[];
  readonly text: string;
  readonly detailOpen: boolean;
}

/** What is recorded in any case and tells the way of a request: instruction, exit, packet, interrupt. */
const usualKinds: readonly EventKindName[] = [
  ...(['exits', 'hypercalls', 'events', 'inputs', 'synic', 'vmbus', 'crashes'] as const),
];

const initialState: PageState = { kinds: usualKinds, text: '', detailOpen: false };

/** Reads a kept state; whatever does not fit, of an older version for example, becomes the initial value. */
export function readPageState(kept: unknown): PageState {
  if (typeof kept !== 'object' || kept === null) return initialState;
  const fields = new Map<string, unknown>(Object.entries(kept));
  const kinds = fields.get('kinds');
  const text = fields.get('text');
  return {
    kinds: Array.isArray(kinds)
      ? eventKindNames.filter((kind) => kinds.includes(kind))
      : initialState.kinds,
    text: typeof text === 'string' ? text : '',
    detailOpen: fields.get('detailOpen') === true,
  };
}
