/** The VMCS Inspector as a view of the panel: follows the focused processor, and hands the page's requests to the adapter. */
import * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import type { VmcsBody } from '../../../debug-adapter/protocol/vmcs-requests';
import { focusedThreadId } from '../../debug/focused-thread';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import { errorText } from '../../presentation/error-text';
import { PanelWebview, type PageReady } from '../panel-webview';
import type { ToExtension, ToPage } from './vmcs-messages';

const description = {
  viewId: 'hyperscope.vmcsInspector',
  title: 'VMCS Inspector',
  element: 'vmcs-inspector-app',
  bundle: 'vmcs-inspector',
};

type PageMessage = Exclude<ToExtension, PageReady>;

export class VmcsInspectorView implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly page: PanelWebview<ToExtension, ToPage>;
  /** What the page was told last: a stop comes in several events, of the run, of the state, of the stack that is shown. */
  private posted = '';
  private edits = 0;
  /** The virtual processor that was looked at last, by session: after a stop VS Code has none for a while. */
  private readonly focused = new Map<string, number>();
  /** Names of virtual processors by session and thread, which never change. */
  private readonly threadNames = new Map<string, string>();
  private revision = 0;

  constructor(
    extensionUri: vscode.Uri,
    private readonly sessions: HyperscopeSessions,
  ) {
    const update = (): void => void this.postSource();
    this.page = new PanelWebview(extensionUri, description, {
      started: () => {
        this.posted = '';
        update();
      },
      received: (message) => void this.receive(message),
    });
    this.disposables.push(
      this.page,
      sessions.onDidChange(update),
      sessions.onDidInvalidate(() => {
        this.edits++;
        update();
      }),
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
    const { request } = message;
    try {
      // A processor that was looked at may have gone with its guest: then another one is.
      const body = await this.ask(message).catch((error: unknown) => {
        if (vscode.debug.activeStackItem !== undefined || this.focused.size === 0) throw error;
        this.focused.clear();
        return this.ask(message);
      });
      this.page.post({ type: 'vmcs', request, body });
    } catch (error) {
      this.page.post({ type: 'failed', request, message: errorText(error) });
    }
  }

  private async ask({
    exit,
    comparedWith,
  }: Extract<PageMessage, { type: 'fetch' }>): Promise<VmcsBody> {
    const { session, threadId } = await this.target();
    const args = { threadId, comparedWith, ...(exit === undefined ? {} : { exit }) };
    return requestFromAdapter(session, customRequest.vmcs, args);
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
    const threadId = this.focusIn(live.session) ?? (await focusedThreadId(live.session));
    if (threadId === undefined) throw new Error('The guest has no virtual processor.');
    return { session: live.session, threadId };
  }

  /** Thread of the virtual processor that is looked at; undefined where none has been. */
  private focusIn({ id }: vscode.DebugSession): number | undefined {
    const { activeStackItem: item } = vscode.debug;
    if (item?.session.id === id) this.focused.set(id, item.threadId);
    return this.focused.get(id);
  }

  private async postSource(): Promise<void> {
    const { current } = this.sessions;
    if (!this.page.listens) return;
    if (current === undefined) {
      this.page.post({ type: 'source', source: { state: 'none' } });
      return;
    }
    const { session, ended, running, stops } = current;
    const threadId = this.focusIn(session);
    const moment = [session.id, ended, running, stops, this.edits, threadId].join();
    if (moment === this.posted) return;
    this.posted = moment;
    const revision = ++this.revision;
    const state = ended ? 'ended' : 'live';
    const known = this.threadNames.get(`${session.id}/${threadId}`) ?? '';
    const source = { state, key: session.id, running, thread: known, revision } as const;
    // The page asks for the VMCS at once; the name that it does not need for that may come later.
    this.page.post({ type: 'source', source });
    if (known !== '' || ended) return;
    const thread = await this.nameThread(session).catch(() => '');
    if (revision !== this.revision || thread === '') return;
    this.page.post({ type: 'source', source: { ...source, thread } });
  }

  private async nameThread(session: vscode.DebugSession): Promise<string> {
    const threadId = this.focusIn(session) ?? (await focusedThreadId(session));
    const { partitions } = await requestFromAdapter(session, customRequest.partitions, {});
    for (const { name, processors } of partitions) {
      for (const { threadId: id, index } of processors) {
        this.threadNames.set(`${session.id}/${id}`, `${name}: VP ${index}`);
      }
    }
    return this.threadNames.get(`${session.id}/${threadId}`) ?? '';
  }
}
