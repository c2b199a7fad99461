/** Writes disks to new images piece by piece, so that requests are answered and guests run in between. */
import type { DiskExport } from '../debugger/guest-disks';
import type { TargetPorts } from '../debugger/open-target';
import { exportGivenUp } from '../protocol/guest-disks';
import { UserError } from '../support/user-error';

/** What the exports need of their session. */
export interface ExportSession {
  /** The client shows `progressStart` and its companions. */
  readonly showsProgress: boolean;
  readonly sendEvent: (event: string, body?: object) => void;
}

/** Real time of one turn. */
const turnMs = 8;
const updateEveryMs = 250;

interface RunningExport {
  readonly writing: DiskExport;
  readonly done: (error?: unknown) => void;
  toldAtMs: number;
}

/** The exports of one session; several go on at once. */
export class DiskExports {
  private readonly running = new Map<string, RunningExport>();
  private scheduled: NodeJS.Immediate | undefined;
  private count = 0;

  constructor(
    private readonly session: ExportSession,
    private readonly clock: TargetPorts['clock'],
  ) {}

  /** @param done told when the image is complete, or why it never will be */
  start(writing: DiskExport, title: string, done: (error?: unknown) => void): void {
    const progressId = `export-${++this.count}`;
    this.running.set(progressId, { writing, done, toldAtMs: this.clock.nowMs() });
    this.tell('progressStart', { progressId, title, cancellable: true, percentage: 0 });
    this.schedule();
  }

  /** Gives up an export; nothing is left behind. */
  cancel(progressId: string): void {
    const found = this.running.get(progressId);
    if (found === undefined) return;
    found.writing.cancel();
    this.finish(progressId, found, new UserError('given-up', exportGivenUp));
  }

  cancelAll(): void {
    for (const progressId of [...this.running.keys()]) this.cancel(progressId);
  }

  private schedule(): void {
    if (this.running.size > 0) this.scheduled ??= setImmediate(() => this.turn());
  }

  private turn(): void {
    this.scheduled = undefined;
    const end = this.clock.nowMs() + turnMs;
    for (const [progressId, each] of [...this.running]) {
      try {
        let isDone = false;
        do isDone = each.writing.step();
        while (!isDone && this.clock.nowMs() < end);
        if (isDone) this.finish(progressId, each);
        else this.update(progressId, each);
      } catch (error) {
        this.finish(progressId, each, error);
      }
    }
    this.schedule();
  }

  private update(progressId: string, each: RunningExport): void {
    const nowMs = this.clock.nowMs();
    if (nowMs - each.toldAtMs < updateEveryMs) return;
    each.toldAtMs = nowMs;
    const percentage = Math.floor(each.writing.fraction * 100);
    this.tell('progressUpdate', { progressId, percentage });
  }

  private finish(progressId: string, { done }: RunningExport, error?: unknown): void {
    this.running.delete(progressId);
    this.tell('progressEnd', { progressId });
    done(error);
  }

  private tell(event: string, body: object): void {
    if (this.session.showsProgress) this.session.sendEvent(event, body);
  }
}
