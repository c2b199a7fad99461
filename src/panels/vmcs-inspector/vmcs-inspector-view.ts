/** The VMCS Inspector as a view of the panel: follows the focused processor, and hands the page's requests to the adapter. */
import * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import { focusedThreadId } from '../../debug/focused-thread';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import { errorText } from '../../presentation/error-text';
import { RefreshTimer } from '../../views/refresh-timer';
import { PanelWebview, type PageReady } from '../panel-webview';
import type { ToExtension, ToPage } from './vmcs-messages';

const description = {
  viewId: 'hyperscope.vmcsInspector',
  title: 'VMCS Inspector',
  element: 'vmcs-inspector-app',
  bundle: 'vmcs-inspector',
};

const updatePeriodMs = 40;

type PageMessage = Exclude<ToExtension, PageReady>;

export class VmcsInspectorView implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly page: PanelWebview<ToExtension, ToPage>;
  /** A stop is told in several events: of the run, of the stack that is shown, of the state. */
  private readonly updates = new RefreshTimer(updatePeriodMs, () => void this.postSource());
  /** Names of virtual processors by session and thread, which never change. */
  private readonly threadNames = new Map<string, string>();
  private revision = 0;

  constructor(
    extensionUri: vscode.Uri,
    private readonly sessions: HyperscopeSessions,
  ) {
    const update = (): void => this.updates.request();
    this.page = new PanelWebview(extensionUri, description, {
      started: update,
      received: (message) => void this.receive(message),
    });
    this.disposables.push(
      this.page,
      this.updates,
      sessions.onDidChange(update),
      sessions.onDidInvalidate(update),
      vscode.debug.onDidChangeActiveStackItem(update),
    );
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Shows the inspector and moves the keyboard there. */
  show(): Promise<void> {
    return this.page.show(false);
  }

  /** Shows the VMCS of an exit of the log beside that of the exit before it. */
  async showExit(exit: string): Promise<void> {
    await this.show();
    this.page.post({ type: 'showExit', exit, comparedWith: 'previous-exit' });
  }

  /** Puts an exit of the log beside what is shown. */
  async compareWith(exit: string): Promise<void> {
    await this.show();
    this.page.post({ type: 'compareWith', exit });
  }

  /** Sends a message to the page, now or when it listens. */
  post(message: ToPage): void {
    this.page.post(message);
  }

  private async receive(message: PageMessage): Promise<void> {
    switch (message.type) {
      case 'fetch':
        return this.fetch(message);
      case 'edit':
        return this.edit(message.field, message.value);
      case 'copy':
        return vscode.env.clipboard.writeText(message.text);
      case 'run':
        await vscode.commands.executeCommand(`hyperscope.${message.command}`);
    }
  }

  private async fetch(message: Extract<PageMessage, { type: 'fetch' }>): Promise<void> {
    const { request, exit, comparedWith } = message;
    try {
      const { session, threadId } = await this.target();
      const args = { threadId, comparedWith, ...(exit === undefined ? {} : { exit }) };
      const body = await requestFromAdapter(session, customRequest.vmcs, args);
      this.page.post({ type: 'vmcs', request, body });
    } catch (error) {
      this.page.post({ type: 'failed', request, message: errorText(error) });
    }
  }

  private async edit(field: string, value: string): Promise<void> {
    let message = '';
    try {
      const { session, threadId } = await this.target();
      await requestFromAdapter(session, customRequest.setVmcsField, { threadId, field, value });
    } catch (error) {
      message = errorText(error);
    }
    this.page.post({ type: 'edited', field, message });
  }

  private async target(): Promise<{ session: vscode.DebugSession; threadId: number }> {
    const live = this.sessions.live;
    if (live === undefined) throw new Error('The session has ended.');
    const threadId = await focusedThreadId(live.session);
    if (threadId === undefined) throw new Error('The guest has no virtual processor.');
    return { session: live.session, threadId };
  }

  private async postSource(): Promise<void> {
    const revision = ++this.revision;
    const current = this.sessions.current;
    if (!this.page.listens) return;
    if (current === undefined) {
      this.page.post({ type: 'source', source: { state: 'none' } });
      return;
    }
    const { session, ended, running } = current;
    const state = ended ? 'ended' : 'live';
    const { activeStackItem: item } = vscode.debug;
    const focused = item?.session.id === session.id ? item.threadId : undefined;
    const known = this.threadNames.get(`${session.id}/${focused}`) ?? '';
    const source = { state, key: session.id, running, thread: known, revision } as const;
    // The page asks for the VMCS at once; the name that it does not need for that may come later.
    this.page.post({ type: 'source', source });
    if (known !== '' || ended) return;
    const thread = await this.nameThread(session).catch(() => '');
    if (revision !== this.revision || thread === '') return;
    this.page.post({ type: 'source', source: { ...source, thread } });
  }

  private async nameThread(session: vscode.DebugSession): Promise<string> {
    const threadId = await focusedThreadId(session);
    const { partitions } = await requestFromAdapter(session, customRequest.partitions, {});
    for (const { name, processors } of partitions) {
      for (const { threadId: id, index } of processors) {
        this.threadNames.set(`${session.id}/${id}`, `${name}: VP ${index}`);
      }
    }
    return this.threadNames.get(`${session.id}/${threadId}`) ?? '';
  }
}
