/** Messages between the VM Exit Log's webview and the extension; both ends import this file and nothing else of each other. */
import type {
  ExitDetailBody,
  ExitFilter,
  ExitsBody,
} from '../../../debug-adapter/protocol/custom-requests';

/** What the log is showing the exits of. */
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

export type ToExtension =
  /** The page listens; answered by `source`. */
  | { readonly type: 'ready' }
  /** Rows `start` to `start + count - 1` of those that pass the filter. Answered by `rows` or `failed`. */
  | {
      readonly type: 'fetchRows';
      readonly request: number;
      readonly start: number;
      readonly count: number;
      readonly filter: ExitFilter;
    }
  /** Registers and VMCS exit information of one row. Answered by `detail` or `failed`. */
  | { readonly type: 'fetchDetail'; readonly request: number; readonly id: string }
  | { readonly type: 'goToInstruction'; readonly address: string }
  /** Takes the guest to where the exit was about to be handled. */
  | {
      readonly type: 'goToMoment';
      readonly position: number;
      readonly partition: number;
      readonly processor: number;
    }
  /** Shows the VMCS of an exit, or puts it beside the one that is shown. */
  | { readonly type: 'inspectVmcs' | 'compareVmcs'; readonly id: string }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'run'; readonly command: LogCommand };

export type ToPage =
  | { readonly type: 'source'; readonly source: LogSource; readonly followTail: boolean }
  /** More exits were recorded, or the machine was restarted (`recorded` went down). */
  | { readonly type: 'traceChanged'; readonly recorded: number }
  | {
      readonly type: 'rows';
      readonly request: number;
      readonly start: number;
      readonly body: ExitsBody;
    }
  | { readonly type: 'detail'; readonly request: number; readonly body: ExitDetailBody }
  | { readonly type: 'failed'; readonly request: number; readonly message: string }
  | { readonly type: 'focusFilter' }
  | { readonly type: 'clearFilter' }
  /** Shows only the exits of one virtual processor. */
  | { readonly type: 'filterProcessor'; readonly partition: number; readonly processor: number };
