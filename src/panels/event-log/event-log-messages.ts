/** Messages between the Event Log's webview and the extension; both ends import this file. */
import type {
  EventDetailBody,
  EventFilter,
  EventKindName,
  EventsBody,
} from '../../../debug-adapter/protocol/event-log';
import type { LogAnswer, LogNews, LogQuestion, LogWish } from '../log-messages';

/** What the page asks for. */
export type EventQuestion =
  | LogQuestion<EventFilter>
  /** Kinds to record of those that are recorded only where somebody wants them. */
  | { readonly type: 'record'; readonly kinds: readonly EventKindName[] };

export type EventAnswer = LogAnswer<EventsBody, EventDetailBody>;

export type ToExtension = EventQuestion | LogWish;

export type ToPage =
  | EventAnswer
  | Exclude<LogNews, { readonly type: 'reveal' }>
  /** Choose this row; its kind is shown from now on. */
  | { readonly type: 'reveal'; readonly id: string; readonly kind: EventKindName };
