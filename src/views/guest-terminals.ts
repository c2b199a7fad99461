/** Consoles of guests as terminals: what a guest writes is shown, what a person types goes to the guest. */
import * as vscode from 'vscode';
import {
  customEvent,
  customRequest,
  debugType,
} from '../../debug-adapter/protocol/custom-requests';
import type { ConsoleOutputBody } from '../../debug-adapter/protocol/custom-requests';
import { requestFromAdapter } from '../debug/session-requests';

/** The terminal of one guest in one session. */
class GuestTerminal implements vscode.Pseudoterminal {
  private readonly written = new vscode.EventEmitter<string>();
  private readonly decoder = new TextDecoder();
  /** What came before VS Code had opened the terminal. */
  private waiting = '';
  private isOpen = false;
  private hasEnded = false;
  readonly onDidWrite = this.written.event;

  constructor(
    private readonly session: vscode.DebugSession,
    private readonly partition: number,
    private readonly onClosed: () => void,
  ) {}

  open(): void {
    this.isOpen = true;
    this.written.fire(this.waiting);
    this.waiting = '';
  }

  close(): void {
    this.onClosed();
  }

  handleInput(text: string): void {
    if (this.hasEnded) return;
    const args = { partition: this.partition, data: Buffer.from(text).toString('base64') };
    requestFromAdapter(this.session, customRequest.consoleInput, args).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.note(`not sent: ${reason}`);
    });
  }

  show({ data, droppedBytes }: ConsoleOutputBody): void {
    if (droppedBytes > 0) this.note(`${droppedBytes} bytes of console output were lost`);
    this.write(this.decoder.decode(Buffer.from(data, 'base64'), { stream: true }));
  }

  /** Says that the guest is gone; what it wrote stays readable. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.note('the guest has ended');
  }

  private note(text: string): void {
    this.write(`\r\n\x1b[2m[${text}]\x1b[0m\r\n`);
  }

  private write(text: string): void {
    if (this.isOpen) this.written.fire(text);
    else this.waiting += text;
  }
}

interface OpenTerminal {
  readonly pty: GuestTerminal;
  readonly terminal: vscode.Terminal;
}

/** Opens a terminal when a guest first writes to a console that belongs into one. */
export class GuestTerminals implements vscode.Disposable {
  private readonly open = new Map<string, OpenTerminal>();
  private readonly disposables: readonly vscode.Disposable[];

  constructor() {
    this.disposables = [
      vscode.debug.onDidReceiveDebugSessionCustomEvent((received) => {
        if (received.session.type !== debugType) return;
        if (received.event !== customEvent.consoleOutput) return;
        // The body is ours: the adapter is built from the same protocol file.
        this.show(received.session, received.body as ConsoleOutputBody);
      }),
      vscode.debug.onDidTerminateDebugSession((session) => this.end(session)),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
    for (const { terminal } of this.open.values()) terminal.dispose();
  }

  private show(session: vscode.DebugSession, body: ConsoleOutputBody): void {
    const key = `${session.id}:${body.partition}`;
    let entry = this.open.get(key);
    if (entry === undefined) {
      const pty = new GuestTerminal(session, body.partition, () => this.open.delete(key));
      const terminal = vscode.window.createTerminal({
        name: body.partitionName,
        pty,
        iconPath: new vscode.ThemeIcon('vm'),
      });
      entry = { pty, terminal };
      this.open.set(key, entry);
      terminal.show(true);
    }
    entry.pty.show(body);
  }

  private end(session: vscode.DebugSession): void {
    for (const [key, { pty }] of this.open) if (key.startsWith(`${session.id}:`)) pty.end();
  }
}
