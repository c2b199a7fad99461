/** Messages between the VM Exit Log's webview and the extension; both ends import this file and nothing else of each other. */
import type {
  ExitDetailBody,
  ExitFilter,
  ExitsBody,
} from '../../../debug-adapter/protocol/custom-requests';
import type {
  LogAnswer,
  LogNews,
  LogQuestion,
  LogSignal,
  LogSource,
  LogWish,
} from '../log-messages';

export type ExitQuestion = LogQuestion<ExitFilter>;

export type ExitAnswer = LogAnswer<ExitsBody, ExitDetailBody>;

/** Shows the VMCS of an exit, or puts it beside the one that is shown. */
export interface VmcsWish {
  readonly type: 'inspectVmcs' | 'compareVmcs';
  readonly id: string;
}

export type ToExtension = ExitQuestion | LogWish | VmcsWish;

export type ExitNews =
  | Exclude<LogNews, { readonly type: 'source' }>
  | { readonly type: 'source'; readonly source: LogSource; readonly followTail: boolean }
  | { readonly type: 'clearFilter' }
  /** Shows only the exits of one virtual processor. */
  | { readonly type: 'filterProcessor'; readonly partition: number; readonly processor: number };

export type ToPage = ExitAnswer | ExitNews | LogSignal;
