/** Follows debug sessions of type hyperscope: which one is shown, whether it runs, what its trace recorded. */
import * as vscode from 'vscode';
import { customEvent, debugType } from '../../debug-adapter/protocol/custom-requests';
import type {
  StateChangedBody,
  TraceChangedBody,
} from '../../debug-adapter/protocol/custom-requests';

/** What views know about one session. */
export interface FollowedSession {
  readonly session: vscode.DebugSession;
  /** False while the guest is stopped and can be inspected. */
  running: boolean;
  ended: boolean;
  /** Stops so far. */
  stops: number;
  /** VM exits recorded since the start, as last told. */
  recorded: number;
  /** VMBus messages, packets and signals recorded since the start, as last told. */
  vmbusRecorded: number;
}

/** The context key that menus and welcome texts ask for. */
const inSessionKey = 'hyperscope.inSession';

interface EventMessage {
  readonly type: string;
  readonly event?: string;
}

export class HyperscopeSessions implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly started = new vscode.EventEmitter<void>();
  private readonly traced = new vscode.EventEmitter<void>();
  private readonly anythingTraced = new vscode.EventEmitter<void>();
  private readonly vmbusTraced = new vscode.EventEmitter<void>();
  private readonly invalidated = new vscode.EventEmitter<void>();
  private readonly followed = new Map<string, FollowedSession>();
  private last: FollowedSession | undefined;

  /** Another session is current, or the current one started, ran, stopped or ended. */
  readonly onDidChange = this.changed.event;
  readonly onDidStart = this.started.event;
  /** The current session recorded VM exits, or started over. */
  readonly onDidTrace = this.traced.event;
  /** Something crossed VMBus in the current session, or it started over. */
  readonly onDidTraceVmbus = this.vmbusTraced.event;
  /** The current session recorded events of any kind, or started over. */
  readonly onDidTraceAnything = this.anythingTraced.event;
  /** What is shown of a stopped session is out of date: the person has edited something. */
  readonly onDidInvalidate = this.invalidated.event;

  constructor() {
    this.disposables.push(
      this.changed,
      this.started,
      this.traced,
      this.vmbusTraced,
      this.anythingTraced,
      this.invalidated,
      vscode.debug.onDidStartDebugSession((session) => this.start(session)),
      vscode.debug.onDidTerminateDebugSession((session) => this.end(session)),
      vscode.debug.onDidChangeActiveDebugSession(() => this.changed.fire()),
      vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => this.receive(event)),
      vscode.debug.registerDebugAdapterTrackerFactory(debugType, {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: (message: EventMessage) => this.observe(session, message),
        }),
      }),
    );
  }

  /** The session that views show: the active one, else the one started last, ended or not. */
  get current(): FollowedSession | undefined {
    const active = vscode.debug.activeDebugSession;
    return (active && this.followed.get(active.id)) ?? this.last;
  }

  /** The current session if it has not ended. */
  get live(): FollowedSession | undefined {
    return this.current?.ended === false ? this.current : undefined;
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private start(session: vscode.DebugSession): void {
    if (session.type !== debugType) return;
    this.follow(session);
    this.publish();
    this.started.fire();
  }

  private follow(session: vscode.DebugSession): FollowedSession {
    let entry = this.followed.get(session.id);
    if (entry === undefined) {
      entry = {
        session,
        ...{ running: true, ended: false },
        ...{ stops: 0, recorded: 0, vmbusRecorded: 0 },
      };
      this.followed.set(session.id, entry);
      this.last = entry;
    }
    return entry;
  }

  private end(session: vscode.DebugSession): void {
    const entry = this.followed.get(session.id);
    if (entry === undefined) return;
    // The entry stays: an adapter's last events may come after the end and must not revive it.
    entry.ended = true;
    entry.running = false;
    const others = [...this.followed.values()].filter((other) => !other.ended);
    if (this.last === entry) this.last = others.at(-1) ?? entry;
    this.publish();
  }

  private observe(session: vscode.DebugSession, message: EventMessage): void {
    if (message.type !== 'event') return;
    if (message.event === 'stopped') {
      this.follow(session).stops++;
      this.setRunning(session, false);
    }
    if (message.event === 'continued') this.setRunning(session, true);
    if (message.event === 'invalidated') this.invalidated.fire();
  }

  private receive(received: vscode.DebugSessionCustomEvent): void {
    if (received.session.type !== debugType) return;
    switch (received.event) {
      case customEvent.stateChanged: {
        // The body is ours: the adapter is built from the same protocol file.
        const body = received.body as StateChangedBody;
        this.setRunning(received.session, body.running);
        return;
      }
      case customEvent.traceChanged: {
        const body = received.body as TraceChangedBody; // Ours, as above.
        const entry = this.follow(received.session);
        const { recorded, vmbusRecorded } = entry;
        entry.recorded = body.recorded;
        entry.vmbusRecorded = body.vmbusRecorded;
        if (entry !== this.current || entry.ended) return;
        this.anythingTraced.fire();
        if (recorded !== body.recorded) this.traced.fire();
        if (vmbusRecorded !== body.vmbusRecorded) this.vmbusTraced.fire();
      }
    }
  }

  private setRunning(session: vscode.DebugSession, running: boolean): void {
    const entry = this.follow(session);
    if (entry.ended) return;
    entry.running = running;
    this.publish();
  }

  private publish(): void {
    void vscode.commands.executeCommand('setContext', inSessionKey, this.live !== undefined);
    this.changed.fire();
  }
}
