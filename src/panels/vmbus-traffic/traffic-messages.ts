/** Messages between the VMBus Traffic panel's webview and the extension; both ends import this file. */
import type {
  TrafficBody,
  TrafficBusesBody,
  TrafficDetailBody,
  TrafficFilter,
} from '../../../debug-adapter/protocol/traffic';
import type { LogAnswer, LogNews, LogQuestion, LogSignal, LogWish } from '../log-messages';

/** The channels as they are now. Answered by `buses` or `failed`. */
export interface BusesQuestion {
  readonly type: 'fetchBuses';
  readonly request: number;
}

export interface BusesAnswer {
  readonly type: 'buses';
  readonly request: number;
  readonly body: TrafficBusesBody;
}

/** What the page asks for. */
export type TrafficQuestion = LogQuestion<TrafficFilter> | BusesQuestion;

export type TrafficAnswer = LogAnswer<TrafficBody, TrafficDetailBody> | BusesAnswer;

export type ToExtension = TrafficQuestion | LogWish;

export type ToPage = TrafficAnswer | LogNews | LogSignal;
