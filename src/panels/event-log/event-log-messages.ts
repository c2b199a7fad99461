/** Messages between the Event Log's webview and the extension; both ends import this file. */
import type {
  EventDetailBody,
  EventFilter,
  EventKindName,
  EventsBody,
} from '../../../debug-adapter/protocol/event-log';
import type { LogCommand, LogSource } from '../exit-log/exit-log-messages';

export type ToExtension =
  /** The page listens; answered by `source`. */
  | { readonly type: 'ready' }
  /** Rows `start` to `start + count - 1` of those that pass the filter. Answered by `rows` or `failed`. */
  | {
      readonly type: 'fetchRows';
      readonly request: number;
      readonly start: number;
      readonly count: number;
      readonly filter: EventFilter;
    }
  /** One row in full. Answered by `detail` or `failed`. */
  | { readonly type: 'fetchDetail'; readonly request: number; readonly id: string }
  /** Kinds to record of those that are recorded only where somebody wants them. */
  | { readonly type: 'record'; readonly kinds: readonly EventKindName[] }
  | { readonly type: 'goToInstruction'; readonly address: string }
  /** Takes the guest to where the event came about. */
  | {
      readonly type: 'goToMoment';
      readonly position: number;
      readonly partition: number;
      readonly processor: number;
    }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'run'; readonly command: LogCommand };

export type ToPage =
  | { readonly type: 'source'; readonly source: LogSource }
  /** Something was recorded, or the machine was restarted or stopped somewhere. */
  | { readonly type: 'traceChanged' }
  | { readonly type: 'rows'; readonly request: number; readonly body: EventsBody }
  | { readonly type: 'detail'; readonly request: number; readonly body: EventDetailBody }
  | { readonly type: 'failed'; readonly request: number; readonly message: string }
  | { readonly type: 'focusFilter' };
