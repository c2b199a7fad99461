/** What the debug adapter finds wrong with breakpoints on events: it says so when VS Code sets them. */
import * as vscode from 'vscode';
import { debugType } from '../../debug-adapter/protocol/custom-requests';

/** The messages that matter here; the adapter's response has a row for each breakpoint of the request. */
type SentToAdapter =
  | {
      readonly type: 'request';
      readonly command: 'setFunctionBreakpoints';
      readonly seq: number;
      readonly arguments: { readonly breakpoints: readonly { readonly name: string }[] };
    }
  | { readonly type: string; readonly command?: undefined };

type SentByAdapter =
  | {
      readonly type: 'response';
      readonly command: 'setFunctionBreakpoints';
      readonly request_seq: number;
      readonly body?: {
        readonly breakpoints: readonly { readonly verified: boolean; readonly message?: string }[];
      };
    }
  | { readonly type: string; readonly command?: undefined };

export class BreakpointProblems implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly changed = new vscode.EventEmitter<void>();
  /** Of the session that was told of its breakpoints last. */
  private problems: ReadonlyMap<string, string> = new Map();

  readonly onDidChange = this.changed.event;

  constructor() {
    this.disposables.push(
      this.changed,
      vscode.debug.registerDebugAdapterTrackerFactory(debugType, {
        createDebugAdapterTracker: () => this.track(),
      }),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Why a breakpoint will never stop; empty where nothing is known to be wrong. */
  of(text: string): string {
    return this.problems.get(text) ?? '';
  }

  private track(): vscode.DebugAdapterTracker {
    const asked = new Map<number, readonly string[]>();
    return {
      onWillReceiveMessage: (message: SentToAdapter) => {
        if (message.command !== 'setFunctionBreakpoints') return;
        asked.set(
          message.seq,
          message.arguments.breakpoints.map(({ name }) => name),
        );
      },
      onDidSendMessage: (message: SentByAdapter) => {
        if (message.command !== 'setFunctionBreakpoints') return;
        const names = asked.get(message.request_seq) ?? [];
        asked.delete(message.request_seq);
        const rows = message.body?.breakpoints ?? [];
        this.problems = new Map(
          names.flatMap((name, index) => {
            const { verified = true, message: problem = '' } = rows[index] ?? {};
            return verified ? [] : [[name, problem] as const];
          }),
        );
        this.changed.fire();
      },
    };
  }
}
