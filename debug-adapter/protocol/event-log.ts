/** Custom requests about the events of the trace as one list: types and constants shared by the adapter and the extension. */

/** Requests; each names its argument and body types. */
export const eventRequest = {
  /** `EventsArguments` → `EventsBody` */
  events: 'hyperscope/events',
  /** `EventDetailArguments` → `EventDetailBody` */
  eventDetail: 'hyperscope/eventDetail',
  /** `RecordEventsArguments` → nothing */
  recordEvents: 'hyperscope/recordEvents',
} as const;

/** Kinds of events, in the order in which they are shown. */
export const eventKindNames = [
  ...(['exits', 'hypercalls', 'msrs', 'events', 'console', 'inputs', 'synic', 'timers'] as const),
  ...(['intercepts', 'overlays', 'schedule', 'vmbus', 'crashes'] as const),
] as const;

/** One of {@link eventKindNames}. */
export type EventKindName = (typeof eventKindNames)[number];

/** Kinds that are recorded only from the moment when they are asked for. */
export const askedForKindNames: readonly EventKindName[] = [
  ...(['msrs', 'timers', 'intercepts', 'overlays', 'schedule'] as const),
];

/** Conditions that an event must meet; absent fields do not restrict. */
export interface EventFilter {
  readonly kinds: readonly EventKindName[];
  readonly partition?: number;
  /** Words, and comparisons of decoded fields such as `msr=0x40000083`; all must hold. */
  readonly text?: string;
}

/** A window of the rows that pass a filter. */
export interface EventsArguments {
  /** Index of the first wanted row, oldest first. */
  readonly start: number;
  /** At most 500. */
  readonly count: number;
  readonly filter: EventFilter;
}

/** The wanted rows, and how many there are beside them. */
export interface EventsBody {
  /** Rows that pass the filter, as far as they have been looked at. */
  readonly total: number;
  /** Rows there are without the text and the partition of the filter. */
  readonly kept: number;
  /** Events of these kinds recorded since the start. */
  readonly recorded: number;
  /** False while a text has not been looked for everywhere: the same request again goes on with it. */
  readonly isComplete: boolean;
  readonly rows: readonly EventRow[];
}

/** One event of the trace as a row. */
export interface EventRow {
  /** Identity: position and order within it, as `position.ordinal`; empty where the event has been dropped meanwhile. */
  readonly id: string;
  readonly kind: EventKindName;
  readonly position: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly processor: number;
  readonly text: string;
}

/** `id` is the identity of a row. */
export interface EventDetailArguments {
  readonly id: string;
}

/** A row with every decoded field. */
export interface EventDetailBody {
  readonly row: EventRow;
  readonly fields: readonly {
    readonly name: string;
    readonly value: string;
    /** What the specification calls the value. */
    readonly note?: string;
  }[];
  /** The instruction of the guest that led to it. */
  readonly code?: { readonly rip: string; readonly text: string };
}

/** The kinds of `askedForKindNames` to record from now on; the others of them cost nothing. */
export interface RecordEventsArguments {
  readonly kinds: readonly EventKindName[];
}
