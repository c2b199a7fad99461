/** VMBus Traffic as a view of the panel: hands the page's requests to the debug adapter. */
import * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import { goToMoment } from '../../commands/travel-commands';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { showInstruction } from '../../debug/instruction-location';
import { requestFromAdapter } from '../../debug/session-requests';
import { RefreshTimer } from '../../views/refresh-timer';
import { PanelWebview, type PageReady } from '../panel-webview';
import type { ToExtension, ToPage, TrafficSource } from './traffic-messages';

const description = {
  viewId: 'hyperscope.vmbusTraffic',
  title: 'VMBus Traffic',
  element: 'vmbus-traffic-app',
  bundle: 'vmbus-traffic',
};

const notifyPeriodMs = 100;

export class VmbusTrafficView implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly notify = new RefreshTimer(notifyPeriodMs, () => this.postTrace());
  private readonly page: PanelWebview<ToExtension, ToPage>;

  constructor(
    extensionUri: vscode.Uri,
    private readonly sessions: HyperscopeSessions,
  ) {
    this.page = new PanelWebview(extensionUri, description, {
      started: () => this.postSource(),
      received: (message) => void this.receive(message),
    });
    this.disposables.push(
      this.notify,
      this.page,
      sessions.onDidChange(() => this.postSource()),
      sessions.onDidTraceVmbus(() => this.notify.request()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Shows the traffic; with `preserveFocus` the keyboard stays where it is. */
  show(preserveFocus: boolean): Promise<void> {
    return this.page.show(preserveFocus);
  }

  /** Shows the traffic with the keyboard in its filter. */
  async focusFilter(): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'focusFilter' });
  }

  private async receive(message: Exclude<ToExtension, PageReady>): Promise<void> {
    switch (message.type) {
      case 'fetchRows':
        return this.answer(message.request, async (session) => {
          const { start, count, filter, request } = message;
          const args = { start, count, filter };
          const body = await requestFromAdapter(session, customRequest.traffic, args);
          this.page.post({ type: 'rows', request, body });
        });
      case 'fetchDetail':
        return this.answer(message.request, async (session) => {
          const { id, request } = message;
          const body = await requestFromAdapter(session, customRequest.trafficDetail, { id });
          this.page.post({ type: 'detail', request, body });
        });
      case 'fetchBuses':
        return this.answer(message.request, async (session) => {
          const body = await requestFromAdapter(session, customRequest.trafficBuses, {});
          this.page.post({ type: 'buses', request: message.request, body });
        });
      case 'goToInstruction':
        return this.tell(async () => {
          const live = this.sessions.live;
          if (live === undefined) return 'The session that executed this instruction has ended.';
          await showInstruction(live.session, message.address);
          return undefined;
        });
      case 'goToMoment':
        return this.tell(async () => {
          if (await goToMoment(this.sessions, message)) return undefined;
          return this.sessions.live?.running === true
            ? 'The guest is running: pause it to go to the moment of a message.'
            : 'The session of this message has ended.';
        });
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
        const message = 'The session has ended; its traffic is no longer in memory.';
        this.page.post({ type: 'failed', request, message });
      } else await fetch(live.session);
    } catch (error) {
      this.page.post({ type: 'failed', request, message: errorText(error) });
    }
  }

  /** Does something for the person, and says why where it is not done. */
  private async tell(act: () => Promise<string | undefined>): Promise<void> {
    try {
      const why = await act();
      if (why !== undefined) void vscode.window.showInformationMessage(why);
    } catch (error) {
      void vscode.window.showErrorMessage(errorText(error));
    }
  }

  private postTrace(): void {
    if (this.page.isShown) this.page.post({ type: 'traceChanged' });
  }

  private postSource(): void {
    if (this.page.listens) this.page.post({ type: 'source', source: this.source() });
  }

  private source(): TrafficSource {
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
