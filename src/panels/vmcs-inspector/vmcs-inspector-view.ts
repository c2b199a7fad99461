/** The VMCS Inspector as a view of the panel: follows the focused processor, and hands the page's requests to the adapter. */
import * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import type { VmcsBody } from '../../../debug-adapter/protocol/vmcs-requests';
import { focusedThreadId } from '../../debug/focused-thread';
import type {
  FollowedSession,
  FollowedStop,
  HyperscopeSessions,
} from '../../debug/hyperscope-sessions';
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

/** A guest that runs for so long is shown as running. */
const runningDelayMs = 100;

type PageMessage = Exclude<ToExtension, PageReady>;

export class VmcsInspectorView implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly page: PanelWebview<ToExtension, ToPage>;
  /** What the page was told last: a stop comes in several events, of the run, of the state, of the stack that is shown. */
  private posted = '';
  private edits = 0;
  /** The virtual processor that was looked at last, by session: after a stop VS Code has none for a while. */
  private readonly focused = new Map<string, number>();
  /** What the page compares the present with; undefined where it shows an exit. */
  private presentComparison: string | undefined;
  /** What the adapter was asked to send with each stop, by session. */
  private readonly followed = new Map<string, string | undefined>();
  private runningTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    extensionUri: vscode.Uri,
    private readonly sessions: HyperscopeSessions,
  ) {
    const update = (): void => this.postSource();
    this.page = new PanelWebview(extensionUri, description, {
      started: () => {
        this.posted = '';
        update();
      },
      received: (message) => void this.receive(message),
      hidden: () => void this.follow(),
    });
    this.disposables.push(
      this.page,
      sessions.onDidStop((stop) => this.postStop(stop)),
      sessions.onDidChange(update),
      sessions.onDidInvalidate(() => {
        this.edits++;
        update();
      }),
      vscode.debug.onDidChangeActiveStackItem(update),
    );
  }

  dispose(): void {
    clearTimeout(this.runningTimer);
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
    this.presentComparison = exit === undefined ? comparedWith : undefined;
    try {
      // A processor that was looked at may have gone with its guest: then another one is.
      const body = await this.ask(message).catch((error: unknown) => {
        if (vscode.debug.activeStackItem !== undefined || this.focused.size === 0) throw error;
        this.focused.clear();
        return this.ask(message);
      });
      this.page.post({ type: 'vmcs', request, body });
      await this.follow();
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

  /** The page is shown the present beside what it was asked for, until it is hidden or shows something else. */
  private async follow(): Promise<void> {
    const live = this.sessions.live?.session;
    if (live === undefined) return;
    const comparedWith = this.page.listens ? this.presentComparison : undefined;
    if (this.followed.get(live.id) === comparedWith) return;
    this.followed.set(live.id, comparedWith);
    const args = comparedWith === undefined ? {} : { comparedWith };
    // A session that ends meanwhile sends nothing more anyway.
    await requestFromAdapter(live, customRequest.followVmcs, args).catch(() => undefined);
  }

  /** Shows a stop whose VMCS has come with it, before VS Code looks at the processor. */
  private postStop({ entry, vmcs }: FollowedStop): void {
    if (vmcs === undefined || entry !== this.sessions.current || !this.page.listens) return;
    const { session } = entry;
    const { threadId, comparedWith, vmcs: body } = vmcs;
    this.focused.set(session.id, threadId);
    clearTimeout(this.runningTimer);
    this.posted = this.moment(entry, threadId);
    const source = { state: 'live', key: session.id, running: false } as const;
    this.page.post({ type: 'stop', source, comparedWith, body });
  }

  private postSource(): void {
    const { current } = this.sessions;
    if (!this.page.listens) return;
    if (current === undefined) {
      this.page.post({ type: 'source', source: { state: 'none' } });
      return;
    }
    const { session, ended, running } = current;
    const moment = this.moment(current, this.focusIn(session));
    if (moment === this.posted) return;
    clearTimeout(this.runningTimer);
    const post = (): void => {
      this.posted = moment;
      const state = ended ? 'ended' : 'live';
      this.page.post({ type: 'source', source: { state, key: session.id, running } });
    };
    // A step is over sooner: the page is not to flicker, nor to be busy with that when the stop comes.
    if (running) this.runningTimer = setTimeout(post, runningDelayMs);
    else post();
  }

  /** What a page shows of a session changes with this. */
  private moment(entry: FollowedSession, threadId: number | undefined): string {
    const { session, ended, running, stops } = entry;
    return [session.id, ended, running, stops, this.edits, threadId].join();
  }
}
