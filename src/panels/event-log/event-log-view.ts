/** The Event Log as a view of the panel: hands the page's requests to the debug adapter. */
import type * as vscode from 'vscode';
import { eventRequest } from '../../../debug-adapter/protocol/event-log';
import { placeRequest } from '../../../debug-adapter/protocol/log-places';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import { reportingErrors } from '../../debug/show-error';
import { RefreshTimer } from '../../views/refresh-timer';
import { LogRequests, type RowTarget } from '../log-requests';
import { PanelWebview, type PageReady } from '../panel-webview';
import type { ToExtension, ToPage } from './event-log-messages';

const description = {
  viewId: 'hyperscope.eventLog',
  title: 'Event Log',
  element: 'event-log-app',
  bundle: 'event-log',
};

const notifyPeriodMs = 100;

export class EventLogView implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly notify = new RefreshTimer(notifyPeriodMs, () => this.postTrace());
  private readonly page: PanelWebview<ToExtension, ToPage>;
  private readonly requests: LogRequests;

  constructor(
    extensionUri: vscode.Uri,
    private readonly sessions: HyperscopeSessions,
  ) {
    const words = { rows: 'events', row: 'an event' };
    this.requests = new LogRequests(sessions, words, (failure) => this.page.post(failure));
    this.page = new PanelWebview(extensionUri, description, {
      started: () => this.postSource(),
      received: (message) => void this.receive(message),
    });
    this.disposables.push(
      this.notify,
      this.page,
      sessions.onDidChange(() => this.postSource()),
      sessions.onDidTraceAnything(() => this.notify.request()),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Shows the log and moves the keyboard there. */
  show(): Promise<void> {
    return this.page.show(false);
  }

  /** Shows a row; its kind is shown from now on. */
  async reveal({ rowId, rowKind }: RowTarget): Promise<void> {
    await this.show();
    this.page.post({ type: 'reveal', id: rowId, kind: rowKind });
  }

  /** Shows the log with the keyboard in its filter. */
  async focusFilter(): Promise<void> {
    await this.show();
    this.page.post({ type: 'focusFilter' });
  }

  private async receive(message: Exclude<ToExtension, PageReady>): Promise<void> {
    switch (message.type) {
      case 'fetchRows':
        return this.requests.answer(message.request, async (session) => {
          const { start, count, filter, request } = message;
          const args = { start, count, filter };
          const body = await requestFromAdapter(session, eventRequest.events, args);
          this.page.post({ type: 'rows', request, body });
        });
      case 'fetchPlace':
        return this.requests.answer(message.request, async (session) => {
          const { id, filter, request } = message;
          const body = await requestFromAdapter(session, placeRequest.eventPlace, { id, filter });
          this.page.post({ type: 'place', request, body });
        });
      case 'fetchDetail':
        return this.requests.answer(message.request, async (session) => {
          const { id, request } = message;
          const body = await requestFromAdapter(session, eventRequest.eventDetail, { id });
          this.page.post({ type: 'detail', request, body });
        });
      case 'record':
        return reportingErrors(async () => {
          const { live } = this.sessions;
          if (live === undefined) return;
          const { kinds } = message;
          await requestFromAdapter(live.session, eventRequest.recordEvents, { kinds });
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
