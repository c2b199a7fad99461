/** The VM Exit Log as a view of the panel: hands the page's requests to the debug adapter. */
import * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import { placeRequest } from '../../../debug-adapter/protocol/log-places';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import { RefreshTimer } from '../../views/refresh-timer';
import type { VmcsInspectorView } from '../vmcs-inspector/vmcs-inspector-view';
import { LogRequests, type RowTarget } from '../log-requests';
import { PanelWebview, type PageReady } from '../panel-webview';
import type { ToExtension, ToPage } from './exit-log-messages';

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
  private readonly requests: LogRequests;

  constructor(
    extensionUri: vscode.Uri,
    sessions: HyperscopeSessions,
    private readonly vmcsInspector: VmcsInspectorView,
  ) {
    const words = { rows: 'exits', row: 'an exit' };
    this.requests = new LogRequests(sessions, words, (failure) => this.post(failure));
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

  /** Shows a row. */
  async reveal({ rowId }: RowTarget): Promise<void> {
    await this.show(false);
    this.post({ type: 'reveal', id: rowId });
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
        return this.requests.answer(message.request, async (session) => {
          const { start, count, filter, request } = message;
          const args = { start, count, filter };
          const body = await requestFromAdapter(session, customRequest.exits, args);
          this.post({ type: 'rows', request, body });
        });
      case 'fetchPlace':
        return this.requests.answer(message.request, async (session) => {
          const { id, filter, request } = message;
          const body = await requestFromAdapter(session, placeRequest.exitPlace, { id, filter });
          this.post({ type: 'place', request, body });
        });
      case 'fetchDetail':
        return this.requests.answer(message.request, async (session) => {
          const { id, request } = message;
          const body = await requestFromAdapter(session, customRequest.exitDetail, { id });
          this.post({ type: 'detail', request, body });
        });
      case 'inspectVmcs':
        return this.vmcsInspector.showExit(message.id);
      case 'compareVmcs':
        return this.vmcsInspector.compareWith(message.id);
      default:
        return this.requests.grant(message);
    }
  }

  private postTrace(): void {
    if (this.page.isShown) this.post({ type: 'traceChanged' });
  }

  private postSource(): void {
    if (!this.page.listens) return;
    const settings = vscode.workspace.getConfiguration('hyperscope');
    const followTail = settings.get('exitLog.followTail', true);
    this.post({ type: 'source', source: this.requests.source, followTail });
  }
}
