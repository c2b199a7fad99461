/** Keeps the virtual time of a machine from running ahead of the time of the person in front of it. */
import type { WallClock } from '../../backends/wall-clock';

const nsPerMs = 1_000_000;

/** Where a machine's virtual time may be, as real time passes. */
export interface Pace {
  /**
   * Virtual moment behind which nothing may happen now; undefined where there is no limit.
   * @param isWaiting the machine has reached the last limit and had nothing to do before it
   */
  limitNs(machineNs: number, isWaiting: boolean): number | undefined;
  /** Begins anew: time that has passed while the machine stood does not count. */
  restart(): void;
}

const longestWaitMs = 100;

/** Real milliseconds from a limit to the next thing that happens: at least one, and not so long that nobody looks. */
export function waitMsUntil(nextNs: number, limitNs: number): number {
  return Math.min(longestWaitMs, Math.max(1, Math.ceil((nextNs - limitNs) / nsPerMs)));
}

/** As fast as the host can: for tests and batch runs. */
export const unpaced: Pace = { limitNs: () => undefined, restart: () => undefined };

/** How far a machine may be ahead, so that a step never waits. */
const leadNs = 2 * nsPerMs;

/** A machine that is further behind than this is not hurried on: a slow boot must not make its idle time fly. */
const slackNs = 20 * nsPerMs;

/** One nanosecond of virtual time for each nanosecond of real time, at most. Results do not depend on it. */
export class RealTimePace implements Pace {
  private startMs = 0;
  private startNs = 0;
  private isRunning = false;

  constructor(private readonly clock: WallClock) {}

  limitNs(machineNs: number, isWaiting: boolean): number {
    const nowMs = this.clock.nowMs();
    if (!this.isRunning) this.begin(nowMs, machineNs);
    const isLate = !isWaiting && machineNs < this.at(nowMs) - slackNs;
    if (isLate) this.begin(nowMs, machineNs + slackNs);
    return this.at(nowMs) + leadNs;
  }

  restart(): void {
    this.isRunning = false;
  }

  private begin(nowMs: number, machineNs: number): void {
    this.startMs = nowMs;
    this.startNs = machineNs;
    this.isRunning = true;
  }

  private at(nowMs: number): number {
    return this.startNs + Math.floor((nowMs - this.startMs) * nsPerMs);
  }
}
