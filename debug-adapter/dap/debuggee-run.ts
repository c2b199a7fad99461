/** Runs the debuggee for a session: pump, console, trace summaries, and the events of a stop. */
import type { ConsoleOutput } from '../debugger/console-buffer';
import { isEndOfGuest, type StopReport } from '../debugger/execution/stop-report';
import type { MachineControl } from '../debugger/machine-control';
import { ConsoleFilter } from '../debugger/console-filter';
import { NamedLines } from '../debugger/named-lines';
import { TerminalFilter } from '../debugger/terminal-filter';
import type { TargetPorts } from '../debugger/open-target';
import {
  customEvent,
  type ConsoleOutputBody,
  type StateChangedBody,
} from '../protocol/custom-requests';
import { encodeBase64 } from '../support/base64';
import { UserError } from '../support/user-error';
import { RunPump } from './run-pump';
import { stoppedEventBody } from './stopped-event';
import { TraceForwarder } from './trace-forwarder';
import { TravelProgress } from './travel-progress';
import { VmcsFollower } from './vmcs-bodies';

/** Where and within which bounds the console is shown, and what happens at the end. */
export interface RunSettings {
  /** Stay where the last guest has ended, so that a person can step back. */
  readonly stopAtEnd: boolean;
  readonly consoleLocation: 'debugConsole' | 'terminal';
  readonly consoleLineLength: number;
  readonly consoleLinesPerSecond: number;
}

/** What the running side needs of the session. */
export interface RunSession {
  readonly stopsAtTripleFault: boolean;
  /** The client shows `progressStart` and its companions. */
  readonly showsProgress: boolean;
  readonly sendEvent: (event: string, body?: object) => void;
  print(category: 'console' | 'stdout' | 'stderr', output: string): void;
  /** The machine is about to run: references to variables become invalid. */
  forgetVariables(): void;
}

/** More would make the Debug Console slow. */
const consoleCharactersPerSecond = 256 * 1024;

/** The running side of one debuggee. */
export class DebuggeeRun {
  readonly vmcs: VmcsFollower;
  private readonly pump: RunPump;
  private readonly trace: TraceForwarder;
  private readonly progress: TravelProgress;
  private readonly consoles = new Map<number, ConsoleFilter>();
  private readonly terminals = new Map<number, TerminalFilter>();
  private lines: NamedLines | undefined;
  private startPosition = -1;
  private ended = false;
  /** Told when the machine is back from other moments. */
  private visitDone: ((error?: unknown) => void) | undefined;

  constructor(
    private readonly session: RunSession,
    private readonly control: MachineControl,
    private readonly clock: TargetPorts['clock'],
    private settings: RunSettings,
  ) {
    this.prepareLines();
    this.trace = new TraceForwarder(control, session.sendEvent);
    this.vmcs = new VmcsFollower(control, session.sendEvent);
    this.progress = new TravelProgress(control, (name, body) => {
      if (session.showsProgress) session.sendEvent(name, body);
    });
    this.pump = new RunPump(control, {
      sliceDone: () => this.sliceDone(),
      stopped: (report) => this.stopped(report),
      failed: (error) => this.failed(error),
    });
  }

  /** Starts running towards a goal that the control was given. */
  start(): void {
    this.session.forgetVariables();
    this.startPosition = this.control.position;
    this.sendState(true);
    this.pump.start();
  }

  /** True while the machine is at other moments, which no request but those that end it may see. */
  get isVisiting(): boolean {
    return this.visitDone !== undefined;
  }

  /** Looks at the machine at the moments of some exits; `done` is told when it is back, and why it did not get there. */
  visit(
    exits: Parameters<MachineControl['visit']>[0],
    look: Parameters<MachineControl['visit']>[1],
    done: (error?: unknown) => void,
  ): void {
    this.control.visit(exits, look);
    this.visitDone = done;
    this.pump.start();
  }

  /** Gives up the travel that a client shows the progress of; the machine goes back to where it began. */
  cancelProgress(progressId: string): void {
    if (this.progress.isShown(progressId)) this.control.pause();
  }

  /** Shows what log messages and branches had to say since the last time. */
  printLogs(): void {
    for (const text of this.control.takeLogs()) this.session.print('console', `${text}\n`);
  }

  /** Stops running slices; the machine stays as it is. */
  cancel(): void {
    this.pump.cancel();
  }

  /** Tells the client about a stop that was no result of running, such as the one on entry. */
  announce(report: StopReport): void {
    this.trace.flush(this.clock.nowMs());
    this.vmcs.stopsAt(this.control.thread(this.control.threadIdOfStop(report)));
    this.session.sendEvent('stopped', stoppedEventBody(this.control, report));
    this.sendState(false);
  }

  /** Something has come up: a machine that waits for its next moment goes on at once. */
  wake(): void {
    this.pump.wake();
  }

  /** Ends the session from the debuggee's side; only the first call has an effect. */
  end(exitCode?: number): void {
    if (this.ended) return;
    this.ended = true;
    this.cancel();
    for (const [partition, filter] of this.consoles) this.show(partition, filter.finish());
    this.showOpenLines();
    if (exitCode !== undefined) this.session.sendEvent('exited', { exitCode });
    this.session.sendEvent('terminated');
    this.sendState(false);
  }

  /** After a restart the guest's console begins anew. */
  restarted(settings: RunSettings): void {
    this.settings = settings;
    this.ended = false;
    this.consoles.clear();
    this.terminals.clear();
    this.prepareLines();
  }

  private sliceDone(): void {
    const nowMs = this.clock.nowMs();
    this.forwardConsole(nowMs);
    this.printLogs();
    this.trace.sliceDone(nowMs);
    this.progress.sliceDone(nowMs);
  }

  private endVisit(error?: unknown): boolean {
    const done = this.visitDone;
    if (done === undefined) return false;
    this.visitDone = undefined;
    this.progress.finish();
    done(error);
    return true;
  }

  private stopped(report: StopReport): void {
    if (this.endVisit()) return;
    this.trace.flush(this.clock.nowMs());
    this.showOpenLines();
    const { reason } = report;
    const stop = reason.kind === 'machine' ? reason.stop : undefined;
    const { text } = this.control.describeStop(report);
    if (stop !== undefined && isEndOfGuest(stop)) {
      // Whoever goes on from an end wants to leave.
      const isStillThere = this.control.position === this.startPosition;
      if (!isStillThere) this.session.print('console', `${text}\n`);
      if (this.settings.stopAtEnd && !isStillThere) this.announce(report);
      else this.end(this.control.exitCode);
      return;
    }
    if (stop !== undefined) {
      this.session.print(stop.kind === 'halted' ? 'console' : 'stderr', `${text}\n`);
    }
    if (stop?.kind === 'triple-fault' && !this.session.stopsAtTripleFault) {
      this.passTripleFault(report);
      return;
    }
    this.announce(report);
  }

  /** The person does not care for triple faults: it is the end of that guest. */
  private passTripleFault(report: StopReport): void {
    if (!this.control.othersGoOn(report)) {
      this.end();
      return;
    }
    this.control.continue();
    this.start();
  }

  private failed(error: unknown): void {
    this.control.abandonRun();
    if (this.endVisit(error)) return;
    const message = error instanceof UserError ? error.text : describeBug(error);
    this.session.print('stderr', `${message}\n`);
    this.progress.finish();
    this.announce({ at: this.control.lastStop.at, reason: { kind: 'pause' } });
  }

  private forwardConsole(nowMs: number): void {
    for (const output of this.control.takeConsole()) {
      if (this.settings.consoleLocation === 'terminal') this.sendToTerminal(output);
      else this.printConsole(output, nowMs);
    }
  }

  private sendToTerminal({ partition, bytes, droppedBytes }: ConsoleOutput): void {
    let filter = this.terminals.get(partition);
    if (filter === undefined) {
      filter = new TerminalFilter();
      this.terminals.set(partition, filter);
    }
    const data = encodeBase64(filter.accept(bytes));
    const partitionName = this.control.partitionName(partition);
    const body: ConsoleOutputBody = { partition, partitionName, data, droppedBytes };
    this.session.sendEvent(customEvent.consoleOutput, body);
  }

  private printConsole({ partition, bytes, droppedBytes }: ConsoleOutput, nowMs: number): void {
    let filter = this.consoles.get(partition);
    if (filter === undefined) {
      filter = new ConsoleFilter({
        lineLength: this.settings.consoleLineLength,
        linesPerSecond: this.settings.consoleLinesPerSecond,
        charactersPerSecond: consoleCharactersPerSecond,
      });
      this.consoles.set(partition, filter);
    }
    this.show(partition, filter.noteLost(droppedBytes) + filter.accept(bytes, nowMs));
  }

  /** Several guests share the Debug Console line by line. */
  private show(partition: number, text: string): void {
    const name = this.control.partitionName(partition);
    this.session.print('stdout', this.lines?.accept(name, text) ?? text);
  }

  private showOpenLines(): void {
    this.session.print('stdout', this.lines?.flush() ?? '');
  }

  private prepareLines(): void {
    this.lines = this.control.programs.length > 1 ? new NamedLines() : undefined;
  }

  private sendState(running: boolean): void {
    const { position, timeNs, endPosition } = this.control;
    const body: StateChangedBody = { running, position, timeNs, endPosition };
    this.session.sendEvent(customEvent.stateChanged, body);
  }
}

/** An error that nobody foresaw, for the person to report. */
export function describeBug(error: unknown): string {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `Hyperscope has a bug here (${what}). The session goes on; please report it.`;
}
