/** Messages between the VMCS Inspector's webview and the extension; both ends import this file and nothing else of each other. */
import type { VmcsBody } from '../../../debug-adapter/protocol/vmcs-requests';

/** Whose VMCS is shown. */
export type VmcsSource =
  /** No guest has been debugged in this window yet. */
  | { readonly state: 'none' }
  | {
      readonly state: 'live' | 'ended';
      /** Changes with every session. */
      readonly key: string;
      readonly running: boolean;
    };

/** Buttons of the empty state. */
export type VmcsCommand = 'debugGuest' | 'openSampleGuest';

export type ToExtension =
  /** The page listens; answered by `source`. */
  | { readonly type: 'ready' }
  /** Answered by `vmcs` or `failed`. */
  | {
      readonly type: 'fetch';
      readonly request: number;
      /** Identity of an exit; the present where it is absent. */
      readonly exit?: string;
      /** `last-stop`, `previous-exit` or the identity of an exit. */
      readonly comparedWith: string;
    }
  /** Sets a field; answered by `edited`. */
  | { readonly type: 'edit'; readonly field: string; readonly value: string }
  | { readonly type: 'copy'; readonly text: string }
  | { readonly type: 'run'; readonly command: VmcsCommand };

export type ToPage =
  /** What is shown may be out of date. */
  | { readonly type: 'source'; readonly source: VmcsSource }
  /** The same at a stop, with the present VMCS that a page would ask for when it shows that comparison. */
  | {
      readonly type: 'stop';
      readonly source: VmcsSource;
      readonly comparedWith: string;
      readonly body: VmcsBody;
    }
  | { readonly type: 'vmcs'; readonly request: number; readonly body: VmcsBody }
  | { readonly type: 'failed'; readonly request: number; readonly message: string }
  /** `message` is empty where the value was taken. */
  | { readonly type: 'edited'; readonly field: string; readonly message: string }
  /** Shows an exit of the log beside another one. */
  | { readonly type: 'showExit'; readonly exit: string; readonly comparedWith: string }
  /** Shows what is shown beside an exit of the log. */
  | { readonly type: 'compareWith'; readonly exit: string }
  | { readonly type: 'focusFilter' };
