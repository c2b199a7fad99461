/** The VM Exit Log as a view of the panel: hands the page's requests to the debug adapter. */
import * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import { goToMoment } from '../../commands/travel-commands';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { showInstruction } from '../../debug/instruction-location';
import { requestFromAdapter } from '../../debug/session-requests';
import { RefreshTimer } from '../../views/refresh-timer';
import type { VmcsInspectorView } from '../vmcs-inspector/vmcs-inspector-view';
import { PanelWebview, type PageReady } from '../panel-webview';
import type { LogSource, ToExtension, ToPage } from './exit-log-messages';

const description = {
  viewId: 'hyperscope.exitLog',
  title: 'VM Exit Log',
  element: 'exit-log-app',
  bundle: 'exit-log',
};

const notifyPeriodMs = 100;

export class ExitLogView implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly notify = new RefreshTimer(notifyPeriodMs, () => this.postTrace());
  private readonly page: PanelWebview<ToExtension, ToPage>;

  constructor(
    extensionUri: vscode.Uri,
    private readonly sessions: HyperscopeSessions,
    private readonly vmcsInspector: VmcsInspectorView,
  ) {
    this.page = new PanelWebview(extensionUri, description, {
      started: () => this.postSource(),
      received: (message) => void this.receive(message),
    });
    this.disposables.push(
      this.notify,
      this.page,
      sessions.onDidChange(() => this.postSource()),
      sessions.onDidTrace(() => this.notify.request()),
      sessions.onDidStart(() => this.openForNewSession()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Shows the log; with `preserveFocus` the keyboard stays where it is. */
  show(preserveFocus: boolean): Promise<void> {
    return this.page.show(preserveFocus);
  }

  /** Sends a message to the page, now or when it listens. */
  post(message: ToPage): void {
    this.page.post(message);
  }

  private openForNewSession(): void {
    const settings = vscode.workspace.getConfiguration('hyperscope');
    if (settings.get('exitLog.openOnSessionStart', false)) void this.show(true);
  }

  private async receive(message: Exclude<ToExtension, PageReady>): Promise<void> {
    switch (message.type) {
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
      case 'inspectVmcs':
        return this.vmcsInspector.showExit(message.id);
      case 'compareVmcs':
        return this.vmcsInspector.compareWith(message.id);
      case 'copy':
        return vscode.env.clipboard.writeText(message.text);
      case 'run':
        await vscode.commands.executeCommand(`hyperscope.${message.command}`);
    }
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
    if (!this.page.isShown || current === undefined) return;
    this.post({ type: 'traceChanged', recorded: current.recorded });
  }

  private postSource(): void {
    if (!this.page.listens) return;
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
