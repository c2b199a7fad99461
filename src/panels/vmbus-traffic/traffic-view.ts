/** VMBus Traffic as a view of the panel: hands the page's requests to the debug adapter. */
import type * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import { placeRequest } from '../../../debug-adapter/protocol/log-places';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import { RefreshTimer } from '../../views/refresh-timer';
import { LogRequests, type RowTarget } from '../log-requests';
import { PanelWebview, type PageReady } from '../panel-webview';
import type { ToExtension, ToPage } from './traffic-messages';

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
  private readonly requests: LogRequests;

  constructor(extensionUri: vscode.Uri, sessions: HyperscopeSessions) {
    const words = { rows: 'messages', row: 'a message' };
    this.requests = new LogRequests(sessions, words, (failure) => this.page.post(failure));
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

  /** Shows a row. */
  async reveal({ rowId }: RowTarget): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'reveal', id: rowId });
  }

  /** Shows the traffic with the keyboard in its filter. */
  async focusFilter(): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'focusFilter' });
  }

  private async receive(message: Exclude<ToExtension, PageReady>): Promise<void> {
    switch (message.type) {
      case 'fetchRows':
        return this.requests.answer(message.request, async (session) => {
          const { start, count, filter, request } = message;
          const args = { start, count, filter };
          const body = await requestFromAdapter(session, customRequest.traffic, args);
          this.page.post({ type: 'rows', request, body });
        });
      case 'fetchPlace':
        return this.requests.answer(message.request, async (session) => {
          const { id, filter, request } = message;
          const body = await requestFromAdapter(session, placeRequest.trafficPlace, { id, filter });
          this.page.post({ type: 'place', request, body });
        });
      case 'fetchDetail':
        return this.requests.answer(message.request, async (session) => {
          const { id, request } = message;
          const body = await requestFromAdapter(session, customRequest.trafficDetail, { id });
          this.page.post({ type: 'detail', request, body });
        });
      case 'fetchBuses':
        return this.requests.answer(message.request, async (session) => {
          const body = await requestFromAdapter(session, customRequest.trafficBuses, {});
          this.page.post({ type: 'buses', request: message.request, body });
        });
      default:
        return this.requests.grant(message);
    }
  }

  private postTrace(): void {
    if (this.page.isShown) this.page.post({ type: 'traceChanged' });
  }

  private postSource(): void {
    if (this.page.listens) this.page.post({ type: 'source', source: this.requests.source });
  }
}
