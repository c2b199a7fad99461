/** Messages between the VMBus Traffic panel's webview and the extension; both ends import this file. */
import type {
  TrafficBody,
  TrafficBusesBody,
  TrafficDetailBody,
  TrafficFilter,
} from '../../../debug-adapter/protocol/traffic';
import type { LogCommand, LogSource } from '../exit-log/exit-log-messages';

/** What the panel is showing the traffic of. */
export type TrafficSource = LogSource;

export type ToExtension =
  /** The page listens; answered by `source`. */
  | { readonly type: 'ready' }
  /** Rows `start` to `start + count - 1` of those that pass the filter. Answered by `rows` or `failed`. */
  | {
      readonly type: 'fetchRows';
      readonly request: number;
      readonly start: number;
      readonly count: number;
      readonly filter: TrafficFilter;
    }
  /** One row in full. Answered by `detail` or `failed`. */
  | { readonly type: 'fetchDetail'; readonly request: number; readonly id: string }
  /** The channels as they are now. Answered by `buses` or `failed`. */
  | { readonly type: 'fetchBuses'; readonly request: number }
  | { readonly type: 'goToInstruction'; readonly address: string }
  /** Takes the guest to where the row came about. */
  | {
      readonly type: 'goToMoment';
      readonly position: number;
      readonly partition: number;
      readonly processor: number;
    }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'run'; readonly command: LogCommand };

export type ToPage =
  | { readonly type: 'source'; readonly source: TrafficSource }
  /** Something was recorded, or the machine was restarted or stopped somewhere. */
  | { readonly type: 'traceChanged' }
  | { readonly type: 'rows'; readonly request: number; readonly body: TrafficBody }
  | { readonly type: 'detail'; readonly request: number; readonly body: TrafficDetailBody }
  | { readonly type: 'buses'; readonly request: number; readonly body: TrafficBusesBody }
  | { readonly type: 'failed'; readonly request: number; readonly message: string }
  | { readonly type: 'focusFilter' };
