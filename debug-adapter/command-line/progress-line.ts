/** One line that says how far a run is, shown while its guest prints nothing. */

/** Where the line goes; an empty text takes it away. */
export type WriteProgress = (text: string) => void;

const quietMs = 1000;
const refreshMs = 500;

export class ProgressLine {
  private lastShownMs: number;
  private lastOutputMs: number;
  private lastRetired = 0;
  private isVisible = false;

  constructor(
    private readonly write: WriteProgress,
    startMs: number,
  ) {
    this.lastShownMs = startMs;
    this.lastOutputMs = startMs;
  }

  /** The guest is about to print: the line makes room. */
  makeRoom(nowMs: number): void {
    this.lastOutputMs = nowMs;
    if (!this.isVisible) return;
    this.isVisible = false;
    this.write('');
  }

  /** @param retired instructions since the start */
  update(nowMs: number, retired: number, timeNs: number): void {
    if (nowMs - this.lastOutputMs < quietMs || nowMs - this.lastShownMs < refreshMs) return;
    const perSecond = (retired - this.lastRetired) / (nowMs - this.lastShownMs) / 1000;
    this.lastShownMs = nowMs;
    this.lastRetired = retired;
    this.isVisible = true;
    const done = `${(retired / 1e6).toFixed(0)} M instructions, ${(timeNs / 1e9).toFixed(2)} s`;
    this.write(`… ${done} of virtual time, ${perSecond.toFixed(0)} M/s`);
  }
}
