/** Shows the client how far a long travel through time has come, and lets it give up. */
import type { MachineControl } from '../debugger/machine-control';

type SendEvent = (name: string, body: object) => void;

/** Shorter travels are not shown. */
const shownAfterMs = 400;
const updateEveryMs = 250;

/** Progress of the travels of one debuggee, one at a time. */
export class TravelProgress {
  private startedAtMs: number | undefined;
  private updatedAtMs = 0;
  private shownId: string | undefined;
  private count = 0;

  constructor(
    private readonly control: MachineControl,
    private readonly send: SendEvent,
  ) {}

  /** After each slice. */
  sliceDone(nowMs: number): void {
    if (!this.control.isTravelling) {
      this.finish();
      return;
    }
    this.startedAtMs ??= nowMs;
    if (this.shownId === undefined) this.showAfter(nowMs - this.startedAtMs, nowMs);
    else if (nowMs - this.updatedAtMs >= updateEveryMs) this.update(nowMs);
  }

  /** True where `progressId` is the travel under way. */
  isShown(progressId: string): boolean {
    return this.shownId === progressId;
  }

  finish(): void {
    this.startedAtMs = undefined;
    if (this.shownId === undefined) return;
    this.send('progressEnd', { progressId: this.shownId });
    this.shownId = undefined;
  }

  private showAfter(elapsedMs: number, nowMs: number): void {
    if (elapsedMs < shownAfterMs) return;
    this.shownId = `travel-${++this.count}`;
    this.updatedAtMs = nowMs;
    this.send('progressStart', {
      progressId: this.shownId,
      title: 'Hyperscope: travelling through time',
      cancellable: true,
      message: this.message,
    });
  }

  private update(nowMs: number): void {
    this.updatedAtMs = nowMs;
    this.send('progressUpdate', { progressId: this.shownId, message: this.message });
  }

  private get message(): string {
    return `at position ${this.control.position}`;
  }
}
