/** A page in a view of the panel: loads it, and holds messages back until it listens. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { panelPage, type PageContent } from './panel-page';

/** Where a page and its view are found. */
export interface PanelDescription extends PageContent {
  readonly viewId: string;
  /** Folder in `src/webviews`, and so name of the bundled script and style. */
  readonly bundle: string;
}

/** What the owner of a page does with what it says. */
export interface PanelListener<Received> {
  /** The page listens, for the first time or anew after it was hidden. */
  started(): void;
  received(message: Received): void;
  /** The page no longer listens. */
  hidden?(): void;
}

/** What every page says besides its own messages. */
export interface PageReady {
  readonly type: 'ready';
}

/** One page; `Received` comes from it, `Sent` goes to it. */
export class PanelWebview<Received extends { readonly type: string }, Sent>
  implements vscode.WebviewViewProvider, vscode.Disposable
{
  private readonly registration: vscode.Disposable;
  private view: vscode.WebviewView | undefined;
  /** Sent when the page says that it listens; a command may come before the page exists. */
  private waiting: Sent[] = [];
  private isListening = false;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly description: PanelDescription,
    private readonly listener: PanelListener<Exclude<Received, PageReady>>,
  ) {
    this.registration = vscode.window.registerWebviewViewProvider(description.viewId, this);
  }

  dispose(): void {
    this.registration.dispose();
  }

  /** True from the moment the page listens until it is hidden. */
  get listens(): boolean {
    return this.isListening;
  }

  /** True while the page listens and can be seen: only then is it worth telling it what has changed. */
  get isShown(): boolean {
    return this.isListening && this.view?.visible === true;
  }

  /** Shows the view; with `preserveFocus` the keyboard stays where it is. */
  async show(preserveFocus: boolean): Promise<void> {
    const command = `${this.description.viewId}.focus`;
    await vscode.commands.executeCommand(command, { preserveFocus });
  }

  /** Sends a message to the page, now or when it listens. */
  post(message: Sent): void {
    if (this.view !== undefined && this.isListening) void this.view.webview.postMessage(message);
    else this.waiting.push(message);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const root = vscode.Uri.joinPath(this.extensionUri, 'dist', 'webviews');
    const { webview } = view;
    this.view = view;
    this.isListening = false;
    webview.options = { enableScripts: true, localResourceRoots: [root] };
    view.onDidDispose(() => {
      this.view = undefined;
      this.hide();
    });
    view.onDidChangeVisibility(() => {
      // A hidden page is unloaded; shown again, it starts anew and says when it listens.
      if (!view.visible) this.hide();
    });
    // The page is ours; messages from it have the shapes of the shared file.
    webview.onDidReceiveMessage((message: Received | PageReady) => this.receive(message));
    const { bundle } = this.description;
    const address = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(root, name)).toString();
    webview.html = panelPage(this.description, {
      cspSource: webview.cspSource,
      script: address(`${bundle}.js`),
      style: address(`${bundle}.css`),
      icons: address('codicon.css'),
      nonce: randomBytes(16).toString('hex'),
    });
  }

  private hide(): void {
    this.isListening = false;
    this.listener.hidden?.();
  }

  private receive(message: Received | PageReady): void {
    if (message.type !== 'ready') {
      // `ready` is the one message that is not the owner's.
      this.listener.received(message as Exclude<Received, PageReady>);
      return;
    }
    this.isListening = true;
    this.listener.started();
    const { waiting } = this;
    this.waiting = [];
    for (const held of waiting) this.post(held);
  }
}
