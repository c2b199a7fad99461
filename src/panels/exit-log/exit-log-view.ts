/** The VM Exit Log as a view of the panel. */
import * as vscode from 'vscode';
import {
  customRequest,
  type ExitDetailBody,
  type ExitFilter,
  type ExitsBody,
} from '../../../debug-adapter/protocol/custom-requests';
import { placeRequest } from '../../../debug-adapter/protocol/log-places';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import type { LogSource } from '../log-messages';
import type { RowTarget } from '../log-requests';
import { LogView, type LogDescription } from '../log-view';
import type { PageReady } from '../panel-webview';
import type { VmcsInspectorView } from '../vmcs-inspector/vmcs-inspector-view';
import type { ExitNews, ToExtension, VmcsWish } from './exit-log-messages';

const description: LogDescription<ExitFilter, ExitsBody, ExitDetailBody> = {
  viewId: 'hyperscope.exitLog',
  title: 'VM Exit Log',
  element: 'exit-log-app',
  bundle: 'exit-log',
  words: { rows: 'exits', row: 'an exit' },
  fetches: {
    rows: (session, args) => requestFromAdapter(session, customRequest.exits, args),
    place: (session, args) => requestFromAdapter(session, placeRequest.exitPlace, args),
    detail: (session, args) => requestFromAdapter(session, customRequest.exitDetail, args),
  },
};

export class ExitLogView extends LogView<
  ExitFilter,
  ExitsBody,
  ExitDetailBody,
  ExitNews,
  VmcsWish
> {
  private readonly starts: vscode.Disposable;

  constructor(
    extensionUri: vscode.Uri,
    sessions: HyperscopeSessions,
    private readonly vmcsInspector: VmcsInspectorView,
  ) {
    super(extensionUri, sessions, sessions.onDidTrace, description);
    this.starts = sessions.onDidStart(() => this.openForNewSession());
  }

  override dispose(): void {
    this.starts.dispose();
    super.dispose();
  }

  /** Shows a row. */
  async reveal({ rowId }: RowTarget): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'reveal', id: rowId });
  }

  /** Shows every exit. */
  clearFilter(): void {
    this.page.post({ type: 'clearFilter' });
  }

  /** Shows the log with only the exits of one virtual processor. */
  async filterProcessor(partition: number, processor: number): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'filterProcessor', partition, processor });
  }

  protected override receive(message: Exclude<ToExtension, PageReady>): Promise<void> {
    switch (message.type) {
      case 'inspectVmcs':
        return this.vmcsInspector.showExit(message.id);
      case 'compareVmcs':
        return this.vmcsInspector.compareWith(message.id);
      default:
        return this.answer(message);
    }
  }

  protected override newsOf(source: LogSource): ExitNews {
    const settings = vscode.workspace.getConfiguration('hyperscope');
    return { type: 'source', source, followTail: settings.get('exitLog.followTail', true) };
  }

  private openForNewSession(): void {
    const settings = vscode.workspace.getConfiguration('hyperscope');
    if (settings.get('exitLog.openOnSessionStart', false)) void this.show(true);
  }
}
