/** A log as a view of the panel: tells its page what has changed, and hands the page's questions to the debug adapter. */
import type * as vscode from 'vscode';
import type { PlaceArguments, PlaceBody } from '../../debug-adapter/protocol/log-places';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { RefreshTimer } from '../views/refresh-timer';
import type { LogAnswer, LogQuestion, LogSignal, LogSource, LogWish } from './log-messages';
import { LogRequests, type LogWords } from './log-requests';
import { PanelWebview, type PageReady, type PanelDescription } from './panel-webview';

const notifyPeriodMs = 100;

/** The requests of the debug adapter that answer the questions of a log's page. */
export interface LogFetches<Filter, Body, Detail> {
  rows(
    session: vscode.DebugSession,
    args: { readonly start: number; readonly count: number; readonly filter: Filter },
  ): Promise<Body>;
  place(session: vscode.DebugSession, args: PlaceArguments<Filter>): Promise<PlaceBody>;
  detail(session: vscode.DebugSession, args: { readonly id: string }): Promise<Detail>;
}

export interface LogDescription<Filter, Body, Detail> extends PanelDescription {
  readonly words: LogWords;
  readonly fetches: LogFetches<Filter, Body, Detail>;
}

/** `Own` is what the page says besides what all pages say; `News` is what it is told besides answers and signals. */
export abstract class LogView<Filter, Body, Detail, News, Own extends { readonly type: string }>
  implements vscode.Disposable
{
  protected readonly requests: LogRequests;
  protected readonly page: PanelWebview<
    LogQuestion<Filter> | LogWish | Own,
    LogAnswer<Body, Detail> | LogSignal | News
  >;
  private readonly disposables: vscode.Disposable[] = [];
  private readonly notify = new RefreshTimer(notifyPeriodMs, () => {
    if (this.page.isShown) this.page.post({ type: 'traceChanged' });
  });

  /** @param onDidRecord tells that there may be other rows */
  constructor(
    extensionUri: vscode.Uri,
    protected readonly sessions: HyperscopeSessions,
    onDidRecord: vscode.Event<unknown>,
    private readonly description: LogDescription<Filter, Body, Detail>,
  ) {
    this.requests = new LogRequests(sessions, description.words, (failure) =>
      this.page.post(failure),
    );
    this.page = new PanelWebview(extensionUri, description, {
      started: () => this.postSource(),
      received: (message) => void this.receive(message),
    });
    this.disposables.push(
      this.notify,
      this.page,
      sessions.onDidChange(() => this.postSource()),
      onDidRecord(() => this.notify.request()),
    );
  }

  /** Does what the page says; {@link answer} does what all pages say. */
  protected abstract receive(
    message: Exclude<LogQuestion<Filter> | LogWish | Own, PageReady>,
  ): Promise<void>;

  /** What the page is told of the session whose rows it shows. */
  protected abstract newsOf(source: LogSource): News;

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Shows the log; with `preserveFocus` the keyboard stays where it is. */
  show(preserveFocus: boolean): Promise<void> {
    return this.page.show(preserveFocus);
  }

  /** Shows the log with the keyboard in its filter. */
  async focusFilter(): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'focusFilter' });
  }

  /** Answers a question or grants a wish that the pages of all logs have. */
  protected answer(message: LogQuestion<Filter> | Exclude<LogWish, PageReady>): Promise<void> {
    const { fetches } = this.description;
    switch (message.type) {
      case 'fetchRows':
        return this.requests.answer(message.request, async (session) => {
          const { start, count, filter, request } = message;
          const body = await fetches.rows(session, { start, count, filter });
          this.page.post({ type: 'rows', request, body });
        });
      case 'fetchPlace':
        return this.requests.answer(message.request, async (session) => {
          const { id, filter, request } = message;
          const body = await fetches.place(session, { id, filter });
          this.page.post({ type: 'place', request, body });
        });
      case 'fetchDetail':
        return this.requests.answer(message.request, async (session) => {
          const { id, request } = message;
          const body = await fetches.detail(session, { id });
          this.page.post({ type: 'detail', request, body });
        });
      default:
        return this.requests.grant(message);
    }
  }

  private postSource(): void {
    if (this.page.listens) this.page.post(this.newsOf(this.requests.source));
  }
}
