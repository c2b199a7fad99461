/** Keeps the machine running in short slices, so that requests are answered in between. */
import type { MachineControl } from '../debugger/machine-control';
import type { StopReport } from '../debugger/execution/stop-report';

/** Told what happens while the machine runs. */
export interface PumpListener {
  /** After each slice, also after the last. */
  sliceDone(): void;
  stopped(report: StopReport): void;
  /** The slice failed with a bug or a problem of the person; the machine is not run on. */
  failed(error: unknown): void;
}

/** Real time of one slice; a pause waits at most for one. */
const sliceMs = 8;

/** Runs one machine control while it has something to do. */
export class RunPump {
  private scheduled: NodeJS.Immediate | undefined;
  private waiting: NodeJS.Timeout | undefined;

  constructor(
    private readonly control: MachineControl,
    private readonly listener: PumpListener,
  ) {}

  /** Runs the first slice at once: a step is usually done with it. */
  start(): void {
    this.cancel();
    this.turn();
  }

  cancel(): void {
    if (this.scheduled !== undefined) clearImmediate(this.scheduled);
    if (this.waiting !== undefined) clearTimeout(this.waiting);
    this.scheduled = undefined;
    this.waiting = undefined;
  }

  /** Runs the next slice at once where the machine waits for its time. */
  wake(): void {
    if (this.waiting !== undefined) this.start();
  }

  private waitFor(ms: number): void {
    this.waiting = setTimeout(() => this.turn(), ms);
  }

  private turn(): void {
    this.cancel();
    if (!this.control.running) return;
    try {
      const outcome = this.control.slice(sliceMs);
      this.listener.sliceDone();
      if (outcome.kind === 'stopped') this.listener.stopped(outcome.report);
      else if (outcome.kind === 'waiting') this.waitFor(outcome.forMs);
      else this.scheduled = setImmediate(() => this.turn());
    } catch (error) {
      this.listener.failed(error);
    }
  }
}
