/** Joins bursts of events into one refresh: at once when idle, then at most once in a period. */
import type { Disposable } from 'vscode';

export class RefreshTimer implements Disposable {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wanted = false;

  constructor(
    private readonly periodMs: number,
    private readonly refresh: () => void,
  ) {}

  /** Asks for a refresh; several requests within the period become one at its end. */
  request(): void {
    if (this.timer !== undefined) {
      this.wanted = true;
      return;
    }
    this.timer = setTimeout(() => this.elapse(), this.periodMs);
    this.refresh();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private elapse(): void {
    this.timer = undefined;
    if (!this.wanted) return;
    this.wanted = false;
    this.request();
  }
}
