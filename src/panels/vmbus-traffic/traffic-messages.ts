/** Messages between the VMBus Traffic panel's webview and the extension; both ends import this file. */
import type {
  TrafficBody,
  TrafficBusesBody,
  TrafficDetailBody,
  TrafficFilter,
} from '../../../debug-adapter/protocol/traffic';
import type { LogAnswer, LogNews, LogQuestion, LogWish } from '../log-messages';

/** What the page asks for. */
export type TrafficQuestion =
  | LogQuestion<TrafficFilter>
  /** The channels as they are now. Answered by `buses` or `failed`. */
  | { readonly type: 'fetchBuses'; readonly request: number };

export type TrafficAnswer =
  | LogAnswer<TrafficBody, TrafficDetailBody>
  | { readonly type: 'buses'; readonly request: number; readonly body: TrafficBusesBody };

export type ToExtension = TrafficQuestion | LogWish;

export type ToPage = TrafficAnswer | LogNews;
