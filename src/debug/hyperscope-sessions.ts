/** Follows debug sessions of type hyperscope: which one is shown, whether it runs, what its trace recorded. */
import * as vscode from 'vscode';
import { customEvent, debugType } from '../../debug-adapter/protocol/custom-requests';
import type { VmcsStopBody } from '../../debug-adapter/protocol/vmcs-requests';
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

/** A stop of a session. */
export interface FollowedStop {
  readonly entry: FollowedSession;
  /** The VMCS of the processor that has stopped, where the adapter sent it. */
  readonly vmcs: VmcsStopBody | undefined;
}

/** The context key that menus and welcome texts ask for. */
const inSessionKey = 'hyperscope.inSession';

/** What the adapter says, as far as it matters here; it is built from the same protocol file. */
type AdapterMessage =
  | { readonly type: 'request' | 'response' }
  | { readonly type: 'event'; readonly event: 'continued' | 'stopped' | 'invalidated' }
  | {
      readonly type: 'event';
      readonly event: typeof customEvent.stateChanged;
      readonly body: StateChangedBody;
    }
  | {
      readonly type: 'event';
      readonly event: typeof customEvent.traceChanged;
      readonly body: TraceChangedBody;
    }
  | {
      readonly type: 'event';
      readonly event: typeof customEvent.vmcs;
      readonly body: VmcsStopBody;
    };

export class HyperscopeSessions implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly started = new vscode.EventEmitter<void>();
  private readonly stopped = new vscode.EventEmitter<FollowedStop>();
  private readonly traced = new vscode.EventEmitter<void>();
  private readonly anythingTraced = new vscode.EventEmitter<void>();
  private readonly vmbusTraced = new vscode.EventEmitter<void>();
  private readonly invalidated = new vscode.EventEmitter<void>();
  private readonly followed = new Map<string, FollowedSession>();
  /** By session: what came for the stop that is announced next. */
  private readonly vmcsToCome = new Map<string, VmcsStopBody>();
  private last: FollowedSession | undefined;

  /** Another session is current, or the current one started, ran, stopped or ended. */
  readonly onDidChange = this.changed.event;
  readonly onDidStart = this.started.event;
  /** A session has stopped; `onDidChange` follows. */
  readonly onDidStop = this.stopped.event;
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
      this.stopped,
      this.traced,
      this.vmbusTraced,
      this.anythingTraced,
      this.invalidated,
      vscode.debug.onDidStartDebugSession((session) => this.start(session)),
      vscode.debug.onDidTerminateDebugSession((session) => this.end(session)),
      vscode.debug.onDidChangeActiveDebugSession(() => this.changed.fire()),
      vscode.debug.registerDebugAdapterTrackerFactory(debugType, {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: (message: AdapterMessage) => this.observe(session, message),
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

  /**
   * Everything is learned here, in the order of the adapter and before VS Code has begun with it: an event that is
   * waited for elsewhere comes back from VS Code's window, behind what that does at a stop.
   */
  private observe(session: vscode.DebugSession, message: AdapterMessage): void {
    if (message.type !== 'event') return;
    switch (message.event) {
      case 'continued':
        return this.setRunning(session, true);
      case 'stopped':
        return this.stop(session);
      case 'invalidated':
        return this.invalidated.fire();
      case customEvent.stateChanged:
        return this.setRunning(session, message.body.running);
      case customEvent.traceChanged:
        return this.grow(session, message.body);
      case customEvent.vmcs:
        this.vmcsToCome.set(session.id, message.body);
    }
  }

  private stop(session: vscode.DebugSession): void {
    const entry = this.follow(session);
    if (entry.ended) return;
    entry.running = false;
    entry.stops++;
    const vmcs = this.vmcsToCome.get(session.id);
    this.vmcsToCome.delete(session.id);
    this.stopped.fire({ entry, vmcs });
    this.publish();
  }

  private grow(session: vscode.DebugSession, body: TraceChangedBody): void {
    const entry = this.follow(session);
    const { recorded, vmbusRecorded } = entry;
    entry.recorded = body.recorded;
    entry.vmbusRecorded = body.vmbusRecorded;
    if (entry !== this.current || entry.ended) return;
    this.anythingTraced.fire();
    if (recorded !== body.recorded) this.traced.fire();
    if (vmbusRecorded !== body.vmbusRecorded) this.vmbusTraced.fire();
  }

  private setRunning(session: vscode.DebugSession, running: boolean): void {
    const entry = this.follow(session);
    if (entry.ended || entry.running === running) return;
    entry.running = running;
    this.publish();
  }

  private publish(): void {
    void vscode.commands.executeCommand('setContext', inSessionKey, this.live !== undefined);
    this.changed.fire();
  }
}
