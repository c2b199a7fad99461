/** The VM Exit Log as a view of the panel: hands the page's requests to the debug adapter. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import { goToMoment } from '../../commands/travel-commands';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { showInstruction } from '../../debug/instruction-location';
import { requestFromAdapter } from '../../debug/session-requests';
import { RefreshTimer } from '../../views/refresh-timer';
import type { LogSource, ToExtension, ToPage } from './exit-log-messages';
import { exitLogPage } from './exit-log-page';

export const exitLogViewId = 'hyperscope.exitLog';

const notifyPeriodMs = 100;

export class ExitLogView implements vscode.WebviewViewProvider, vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly notify = new RefreshTimer(notifyPeriodMs, () => this.postTrace());
  private view: vscode.WebviewView | undefined;
  /** Sent when the page says that it listens; a command may come before the page exists. */
  private waiting: ToPage[] = [];
  private listening = false;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly sessions: HyperscopeSessions,
  ) {
    this.disposables.push(
      this.notify,
      vscode.window.registerWebviewViewProvider(exitLogViewId, this),
      sessions.onDidChange(() => this.postSource()),
      sessions.onDidTrace(() => this.notify.request()),
      sessions.onDidStart(() => this.openForNewSession()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Shows the log; with `preserveFocus` the keyboard stays where it is. */
  async show(preserveFocus: boolean): Promise<void> {
    await vscode.commands.executeCommand(`${exitLogViewId}.focus`, { preserveFocus });
  }

  private openForNewSession(): void {
    const settings = vscode.workspace.getConfiguration('hyperscope');
    if (settings.get('exitLog.openOnSessionStart', false)) void this.show(true);
  }

  /** Sends a message to the page, now or when it listens. */
  post(message: ToPage): void {
    if (this.view !== undefined && this.listening) void this.view.webview.postMessage(message);
    else this.waiting.push(message);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const root = vscode.Uri.joinPath(this.extensionUri, 'dist', 'webviews');
    const { webview } = view;
    this.view = view;
    this.listening = false;
    webview.options = { enableScripts: true, localResourceRoots: [root] };
    view.onDidDispose(() => {
      this.view = undefined;
      this.listening = false;
    });
    view.onDidChangeVisibility(() => {
      // A hidden page is unloaded; shown again, it starts anew and says when it listens.
      if (!view.visible) this.listening = false;
    });
    // The page is ours; messages from it have the shapes of the shared file.
    webview.onDidReceiveMessage((message: ToExtension) => void this.receive(message));
    const address = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(root, name)).toString();
    webview.html = exitLogPage({
      cspSource: webview.cspSource,
      script: address('exit-log.js'),
      style: address('exit-log.css'),
      icons: address('codicon.css'),
      nonce: randomBytes(16).toString('hex'),
    });
  }

  private async receive(message: ToExtension): Promise<void> {
    switch (message.type) {
      case 'ready':
        return this.start();
      case 'fetchRows':
        return this.answer(message.request, async (session) => {
          const { start, count, filter, request } = message;
          const args = { start, count, filter };
          const body = await requestFromAdapter(session, customRequest.exits, args);
          this.post({ type: 'rows', request, start, body });
        });
      case 'fetchDetail':
        return this.answer(message.request, async (session) => {
          const { id, request } = message;
          const body = await requestFromAdapter(session, customRequest.exitDetail, { id });
          this.post({ type: 'detail', request, body });
        });
      case 'goToInstruction':
        return this.goTo(message.address);
      case 'goToMoment':
        return this.goToMoment(message);
      case 'copy':
        return vscode.env.clipboard.writeText(message.text);
      case 'run':
        await vscode.commands.executeCommand(`hyperscope.${message.command}`);
    }
  }

  private start(): void {
    this.listening = true;
    this.postSource();
    const waiting = this.waiting;
    this.waiting = [];
    for (const message of waiting) this.post(message);
  }

  private async answer(
    request: number,
    fetch: (session: vscode.DebugSession) => Promise<void>,
  ): Promise<void> {
    const live = this.sessions.live;
    try {
      if (live === undefined) {
        const message = 'The session has ended; its exits are no longer in memory.';
        this.post({ type: 'failed', request, message });
      } else await fetch(live.session);
    } catch (error) {
      this.post({ type: 'failed', request, message: errorText(error) });
    }
  }

  private async goTo(address: string): Promise<void> {
    const live = this.sessions.live;
    try {
      if (live !== undefined) return await showInstruction(live.session, address);
      void vscode.window.showInformationMessage(
        'The session that executed this instruction has ended.',
      );
    } catch (error) {
      void vscode.window.showErrorMessage(`Cannot show ${address}: ${errorText(error)}`);
    }
  }

  private async goToMoment(moment: Parameters<typeof goToMoment>[1]): Promise<void> {
    try {
      if (await goToMoment(this.sessions, moment)) return;
      const isRunning = this.sessions.live?.running === true;
      void vscode.window.showInformationMessage(
        isRunning
          ? 'The guest is running: pause it to go to the moment of an exit.'
          : 'The session of this exit has ended.',
      );
    } catch (error) {
      void vscode.window.showErrorMessage(errorText(error));
    }
  }

  private postTrace(): void {
    const current = this.sessions.current;
    if (!this.listening || this.view?.visible !== true || current === undefined) return;
    this.post({ type: 'traceChanged', recorded: current.recorded });
  }

  private postSource(): void {
    if (!this.listening) return;
    const settings = vscode.workspace.getConfiguration('hyperscope');
    const followTail = settings.get('exitLog.followTail', true);
    this.post({ type: 'source', source: this.source(), followTail });
  }

  private source(): LogSource {
    const current = this.sessions.current;
    if (current === undefined) return { state: 'none' };
    const { session, ended, running } = current;
    const state = ended ? 'ended' : 'live';
    return { state, key: session.id, name: session.name, running };
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
