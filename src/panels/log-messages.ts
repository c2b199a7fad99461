/** What the pages of all logs and the extension say to each other alike; both ends import this file. */
import type { EventKindName } from '../../debug-adapter/protocol/event-log';
import type { PlaceBody } from '../../debug-adapter/protocol/log-places';

/** What a log is showing the rows of. */
export type LogSource =
  /** No guest has been debugged in this window yet. */
  | { readonly state: 'none' }
  /** `key` changes with every session; `name` is what the person called it. */
  | {
      readonly state: 'live' | 'ended';
      readonly key: string;
      readonly name: string;
      readonly running: boolean;
    };

/** Buttons of the empty state. */
export type LogCommand = 'debugGuest' | 'openSampleGuest';

/** The logs; a row of one leads to the row of the same event in another. */
export type LogName = 'exits' | 'traffic' | 'events';

/** What a page asks for; `request` comes back in the answer. */
export type LogQuestion<Filter> =
  /** Rows `start` to `start + count - 1` of those that pass the filter. Answered by `rows` or `failed`. */
  | {
      readonly type: 'fetchRows';
      readonly request: number;
      readonly start: number;
      readonly count: number;
      readonly filter: Filter;
    }
  /** One row in full. Answered by `detail` or `failed`. */
  | { readonly type: 'fetchDetail'; readonly request: number; readonly id: string }
  /** Where a row stands among those that pass the filter. Answered by `place` or `failed`. */
  | {
      readonly type: 'fetchPlace';
      readonly request: number;
      readonly id: string;
      readonly filter: Filter;
    };

export type LogAnswer<Body, Detail> =
  | { readonly type: 'rows'; readonly request: number; readonly body: Body }
  | { readonly type: 'detail'; readonly request: number; readonly body: Detail }
  | { readonly type: 'place'; readonly request: number; readonly body: PlaceBody }
  | LogFailure;

/** What a page is told when its request has failed. */
export interface LogFailure {
  readonly type: 'failed';
  readonly request: number;
  readonly message: string;
}

/** What a page says besides its questions. */
export type LogWish =
  /** The page listens; answered by `source`. */
  | { readonly type: 'ready' }
  | { readonly type: 'goToInstruction'; readonly address: string }
  /** Takes the guest to where the row came about. */
  | {
      readonly type: 'goToMoment';
      readonly position: number;
      readonly partition: number;
      readonly processor: number;
    }
  /** Shows the row of the same event, which is of this kind, in another log. */
  | {
      readonly type: 'showRow';
      readonly log: LogName;
      readonly id: string;
      readonly kind: EventKindName;
    }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'run'; readonly command: LogCommand };

/** What the pages of all logs are told alike besides answers. */
export type LogSignal =
  /** Something was recorded, or the machine was restarted or stopped somewhere. */
  { readonly type: 'traceChanged' } | { readonly type: 'focusFilter' };

/** What a page is told of its session and of its rows. */
export type LogNews =
  | { readonly type: 'source'; readonly source: LogSource }
  /** Choose the row with this identity, without the filter where it does not pass it. */
  | { readonly type: 'reveal'; readonly id: string };
