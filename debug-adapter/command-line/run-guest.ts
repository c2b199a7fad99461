/** Runs one guest to its end for the command line. */
import { ConsoleFilter } from '../debugger/console-filter';
import type { MachineStop } from '../debugger/execution/stop-report';
import type { HeadlessRun } from '../debugger/headless-run';
import type { RunOptions } from './options';

/** Where output goes, and the passing of time. */
export interface RunSurroundings {
  readonly writeConsole: (text: string) => void;
  readonly writeMessage: (text: string) => void;
  readonly nowMs: () => number;
  /** True once the person has asked to end. */
  readonly interrupted: () => boolean;
}

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

const stepsPerTurn = 200_000;
const keptConsoleCharacters = 65_536;

function statusOf(stop: MachineStop): number {
  if (stop.kind === 'guest-exit') return stop.code & 0xff;
  if (stop.kind === 'guest-crash') return exitStatus.crashed;
  return stop.kind === 'halted' ? 0 : exitStatus.stopped;
}

/** One run with its console and its reasons to end. */
export class GuestRun {
  private readonly filter = new ConsoleFilter({
    lineLength: 65_536,
    linesPerSecond: Number.MAX_SAFE_INTEGER,
    charactersPerSecond: Number.MAX_SAFE_INTEGER,
  });
  private readonly startMs: number;
  private recentConsole = '';

  constructor(
    private readonly machine: HeadlessRun,
    private readonly options: RunOptions,
    private readonly surroundings: RunSurroundings,
  ) {
    this.startMs = surroundings.nowMs();
  }

  /** Runs a while; the exit status once the run has ended. */
  turn(): number | undefined {
    const limit = this.options.steps ?? Number.MAX_SAFE_INTEGER;
    const stop = this.machine.advance(Math.min(this.stepsOfTurn(), limit - this.machine.position));
    const matched = this.showConsole();
    const end = this.endOf(stop, matched);
    if (end === undefined) return undefined;
    this.finish(end);
    return end.status;
  }

  /** Virtual time advances by at least one nanosecond for each step, so this many steps cannot overshoot. */
  private stepsOfTurn(): number {
    const { untilTimeNs } = this.options;
    if (untilTimeNs === undefined) return stepsPerTurn;
    return Math.max(1, Math.min(stepsPerTurn, untilTimeNs - this.machine.timeNs));
  }

  private showConsole(): boolean {
    let matched = false;
    const { until } = this.options;
    for (const { bytes, droppedBytes } of this.machine.takeConsole()) {
      const text = this.filter.noteLost(droppedBytes) + this.filter.accept(bytes, 0);
      this.surroundings.writeConsole(text);
      if (until === undefined) continue;
      this.recentConsole = (this.recentConsole + text).slice(-keptConsoleCharacters);
      matched ||= this.recentConsole.includes(until);
    }
    return matched;
  }

  private endOf(stop: MachineStop | undefined, matched: boolean): End | undefined {
    const { steps, untilTimeNs, timeoutSeconds, until } = this.options;
    if (matched) return { status: 0, message: `The console showed "${until ?? ''}".` };
    if (stop !== undefined) {
      const { description, text } = this.machine.describe(stop);
      const missed = until !== undefined && statusOf(stop) === 0;
      if (missed)
        return {
          status: exitStatus.stopped,
          message: `${text || description} The console never showed "${until}".`,
        };
      return { status: statusOf(stop), message: text || description };
    }
    if (steps !== undefined && this.machine.position >= steps) {
      return { status: 0, message: `${steps} steps are done.` };
    }
    if (untilTimeNs !== undefined && this.machine.timeNs >= untilTimeNs) {
      return { status: 0, message: `${untilTimeNs} ns of virtual time have passed.` };
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
    this.surroundings.writeConsole(this.filter.finish());
    const { position, timeNs, retired } = this.machine;
    if (!this.options.quiet) {
      this.surroundings.writeMessage(
        `${message} ${retired} instructions, ${position} steps, ${timeNs} ns of virtual time.`,
      );
    }
    if (this.options.stateHash) {
      this.surroundings.writeMessage(`state hash ${this.machine.stateHash}`);
    }
    if (this.options.goTo !== undefined) this.goTo(this.options.goTo);
  }

  /** Nothing is shown twice: the past is silent. */
  private goTo(target: number): void {
    const { machine, surroundings } = this;
    machine.goToPosition(target);
    surroundings.writeMessage(`At position ${machine.position}, ${machine.timeNs} ns:`);
    for (const text of machine.describeRegisters()) surroundings.writeMessage(text);
    surroundings.writeMessage(`state hash ${machine.stateHash}`);
  }
}
