/** Runs one guest to its end for the command line. */
import { RealTimePace, unpaced, type Pace } from '../debugger/execution/pace';
import { isEndOfGuest, type MachineStop } from '../debugger/execution/stop-report';
import type { HeadlessRun } from '../debugger/headless-run';
import type { Keyboard } from '../host/terminal';
import { UserError } from '../support/user-error';
import { GuestAsks, type AskedGuest } from './guest-asks';
import type { DiskExport } from './disk-options';
import { GuestConsole, type ConsoleOutput } from './guest-console';
import type { RunOptions, TravelOptions } from './options';
import { ProgressLine, type WriteProgress } from './progress-line';

/** Where output goes, and the passing of time. */
export interface RunSurroundings extends ConsoleOutput {
  readonly writeMessage: (text: string) => void;
  readonly readFile: (path: string) => Uint8Array;
  readonly nowMs: () => number;
  /** True once the person has asked to end. */
  readonly interrupted: () => boolean;
  /** Present where a person sits at a terminal: the run is then paced and its console takes keys. */
  readonly keyboard?: Keyboard;
  /** Present where a line can be written over. */
  readonly writeProgress?: WriteProgress;
  /** Writes a disk to a file. @throws UserError */
  readonly exportDisk: (wanted: DiskExport) => void;
}

/** How a turn ended: with the exit status of the run, or with the time for which nothing is to be done. */
export type TurnOutcome =
  | { readonly kind: 'running'; readonly waitMs: number }
  | { readonly kind: 'ended'; readonly status: number };

/** Exit statuses besides the guest's own. */
export const exitStatus = {
  failure: 1,
  usage: 2,
  stopped: 3,
  crashed: 4,
  timeout: 124,
  interrupted: 130,
} as const;

type End = { readonly status: number; readonly message: string };

/** A few milliseconds of a guest that computes: what is done between two turns is nothing beside them. */
const stepsPerTurn = 2_000_000;

function statusOf(stop: MachineStop, exitCode: number): number {
  if (stop.kind === 'guest-exit') return exitCode & 0xff;
  if (stop.kind === 'guest-crash') return exitStatus.crashed;
  const isOrderly = stop.kind === 'halted' || isEndOfGuest(stop);
  return isOrderly ? 0 : exitStatus.stopped;
}

/** One run with its console and its reasons to end. */
export class GuestRun {
  private readonly console: GuestConsole;
  private readonly pace: Pace;
  private readonly progress: ProgressLine | undefined;
  private readonly asks: GuestAsks;
  private readonly asked: AskedGuest;
  private isTimeOver = false;
  private takesKeys = true;
  private readonly startMs: number;

  constructor(
    private readonly machine: HeadlessRun,
    private readonly options: RunOptions,
    private readonly surroundings: RunSurroundings,
  ) {
    const { keyboard, nowMs, writeProgress } = surroundings;
    this.startMs = nowMs();
    const isInteractive = keyboard !== undefined;
    const { guestNames } = machine;
    const keepsText = options.until !== undefined || options.asks.length > 0;
    const { until, asks } = options;
    this.console = new GuestConsole(surroundings, isInteractive, until, guestNames, keepsText);
    this.asks = new GuestAsks(asks, (path) => surroundings.readFile(path));
    this.asked = {
      get integration() {
        return machine.integration;
      },
      ask: (request) => machine.ask(request),
      setDiskAttached: (disk, isAttached) => machine.setDiskAttached(disk, isAttached),
      exportDisk: (disk, path) => surroundings.exportDisk({ guest: 0, disk, path }),
    };
    this.pace = keyboard === undefined ? unpaced : new RealTimePace({ nowMs });
    if (writeProgress !== undefined) this.progress = new ProgressLine(writeProgress, this.startMs);
  }

  /** Runs a while. */
  turn(): TurnOutcome {
    const { machine } = this;
    const limit = this.options.steps ?? Number.MAX_SAFE_INTEGER;
    const keys = this.surroundings.keyboard?.take();
    if (keys !== undefined && keys.length > 0) this.type(keys);
    const steps = Math.min(stepsPerTurn, limit - machine.position);
    const { untilTimeNs = Infinity } = this.options;
    const paceNs = this.pace.limitNs(machine.timeNs, machine.waitMs !== undefined) ?? Infinity;
    const limitNs = Math.min(untilTimeNs, paceNs);
    const stop = machine.advance(steps, limitNs === Infinity ? undefined : limitNs);
    // What comes next may lie far behind the moment, where the guest idles.
    this.isTimeOver ||=
      machine.timeNs >= untilTimeNs || (machine.waitMs !== undefined && limitNs === untilTimeNs);
    const end = this.endOf(stop, this.showConsole());
    this.showNotes();
    this.askGuest();
    if (end === undefined) return { kind: 'running', waitMs: machine.waitMs ?? 0 };
    this.finish(end);
    return { kind: 'ended', status: end.status };
  }

  /** A guest that cannot read goes on; that it cannot is said once. */
  private type(keys: Uint8Array): void {
    if (!this.takesKeys) return;
    try {
      this.machine.type(keys);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.takesKeys = false;
      this.progress?.makeRoom(this.surroundings.nowMs());
      this.surroundings.writeMessage(error.text);
    }
  }

  private showConsole(): boolean {
    const nowMs = this.surroundings.nowMs();
    const { shown, matched } = this.console.show(this.machine, () =>
      this.progress?.makeRoom(nowMs),
    );
    if (!shown && this.machine.waitMs === undefined) {
      this.progress?.update(nowMs, this.machine.retired, this.machine.timeNs);
    }
    return matched;
  }

  private showNotes(): void {
    for (const note of this.machine.takeNotes()) {
      if (!this.options.quiet) this.surroundings.writeMessage(note);
    }
  }

  private askGuest(): void {
    const said = this.asks.advance(this.asked, (text) => this.console.hasShown(text));
    for (const text of said) this.surroundings.writeMessage(text);
  }

  private endOf(stop: MachineStop | undefined, matched: boolean): End | undefined {
    const { steps, untilTimeNs, timeoutSeconds, until } = this.options;
    if (matched) return { status: 0, message: `The console showed "${until ?? ''}".` };
    if (stop !== undefined) {
      const { description, text } = this.machine.describe(stop);
      const status = statusOf(stop, this.machine.exitCode);
      const missed = until !== undefined && status === 0;
      if (missed)
        return {
          status: exitStatus.stopped,
          message: `${text || description} The console never showed "${until}".`,
        };
      return { status, message: text || description };
    }
    if (steps !== undefined && this.machine.position >= steps) {
      return { status: 0, message: `${steps} steps are done.` };
    }
    if (untilTimeNs !== undefined && this.isTimeOver) {
      return { status: 0, message: `${untilTimeNs} ns of virtual time have passed.` };
    }
    if (this.surroundings.keyboard?.wantsToLeave() === true) {
      return { status: 0, message: 'You left the guest.' };
    }
    if (this.surroundings.interrupted()) {
      return { status: exitStatus.interrupted, message: 'Interrupted.' };
    }
    const elapsedMs = this.surroundings.nowMs() - this.startMs;
    if (timeoutSeconds !== undefined && elapsedMs >= timeoutSeconds * 1000) {
      return { status: exitStatus.timeout, message: `Timed out after ${timeoutSeconds} s.` };
    }
    return undefined;
  }

  private finish({ message }: End): void {
    this.progress?.makeRoom(this.surroundings.nowMs());
    this.console.finish();
    this.surroundings.keyboard?.close();
    const { position, timeNs, retired } = this.machine;
    if (!this.options.quiet) {
      this.surroundings.writeMessage(
        `${message} ${retired} instructions, ${position} steps, ${timeNs} ns of virtual time.`,
      );
    }
    for (const wanted of this.options.exports) {
      this.surroundings.exportDisk(wanted);
      const { disk, path } = wanted;
      if (!this.options.quiet) this.surroundings.writeMessage(`Disk ${disk} is in ${path}.`);
    }
    if (this.options.stateHash) {
      this.surroundings.writeMessage(`state hash ${this.machine.stateHash}`);
    }
    const { saveFile } = this.options;
    if (saveFile !== undefined) {
      const bytes = this.machine.saveTo(saveFile);
      this.surroundings.writeMessage(`saved to ${saveFile}, ${bytes} bytes`);
    }
    const { savePartition } = this.options;
    if (savePartition !== undefined) {
      const { name, path } = savePartition;
      const bytes = this.machine.savePartitionTo(name, path);
      this.surroundings.writeMessage(`saved to ${path}, ${bytes} bytes`);
    }
    if (this.options.travel !== undefined) this.travel(this.options.travel);
  }

  /** Nothing is shown twice: the past is silent. */
  private travel({ goTo, backTo, stepBack }: TravelOptions): void {
    const { machine, surroundings } = this;
    if (goTo !== undefined) machine.travel.goTo(goTo);
    if (backTo !== undefined) {
      const { description, text } = machine.travel.backTo(backTo);
      surroundings.writeMessage(text === '' ? `${description}.` : `${description}: ${text}`);
    }
    if (stepBack !== undefined) {
      const steps = machine.travel.stepBack(stepBack);
      if (steps < stepBack) {
        surroundings.writeMessage(`The recording begins ${steps} instructions before.`);
      }
    }
    surroundings.writeMessage(`At position ${machine.position}, ${machine.timeNs} ns:`);
    for (const text of machine.describeRegisters()) surroundings.writeMessage(text);
    surroundings.writeMessage(`state hash ${machine.stateHash}`);
  }
}
