/** Messages between the Event Log's webview and the extension; both ends import this file. */
import type {
  EventDetailBody,
  EventFilter,
  EventKindName,
  EventsBody,
} from '../../../debug-adapter/protocol/event-log';
import type { LogAnswer, LogNews, LogQuestion, LogSignal, LogWish } from '../log-messages';

/** Kinds to record of those that are recorded only where somebody wants them. */
export interface EventRecording {
  readonly type: 'record';
  readonly kinds: readonly EventKindName[];
}

/** What the page asks for. */
export type EventQuestion = LogQuestion<EventFilter> | EventRecording;

export type EventAnswer = LogAnswer<EventsBody, EventDetailBody>;

export type ToExtension = EventQuestion | LogWish;

export type EventNews =
  | Exclude<LogNews, { readonly type: 'reveal' }>
  /** Choose this row; its kind is shown from now on. */
  | { readonly type: 'reveal'; readonly id: string; readonly kind: EventKindName };

export type ToPage = EventAnswer | EventNews | LogSignal;
