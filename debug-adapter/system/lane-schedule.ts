/** Whose turn it is: in a round every runnable lane runs, in order, to a common horizon. */
import type { Lane } from './lane';

/** Span of a round in which several lanes run. */
export const quantumNs = 10_000;

const unlimited = Number.MAX_SAFE_INTEGER;

/** The saved part. */
export interface LaneScheduleState {
  readonly current: number;
  readonly horizonNs: number;
}

export class LaneSchedule {
  private current = 0;
  private horizonNs = 0;

  constructor(private readonly lanes: readonly Lane[]) {}

  /** The lane that runs next; undefined where none can. */
  next(): Lane | undefined {
    for (;;) {
      for (; this.current < this.lanes.length; this.current++) {
        const lane = this.lanes[this.current];
        if (lane?.isRunnable === true && lane.timeNs < this.horizonNs) return lane;
      }
      if (!this.beginRound()) return undefined;
    }
  }

  /** Steps that `lane` may take before the others have their turn. */
  stepsToHorizon(lane: Lane): number {
    return this.horizonNs - lane.timeNs;
  }

  /** Makes the next turn the first of a round: after something changed which lanes can run. */
  endRound(): void {
    this.current = this.lanes.length;
  }

  /** Settled first, so that it does not depend on where the last run was cut. */
  get state(): LaneScheduleState {
    this.next();
    return { current: this.current, horizonNs: this.horizonNs };
  }

  set state(saved: LaneScheduleState) {
    this.current = saved.current;
    this.horizonNs = saved.horizonNs;
  }

  /** A single runnable lane gets the whole span; nothing else could happen in between. */
  private beginRound(): boolean {
    const times = this.lanes.filter((lane) => lane.isRunnable).map((lane) => lane.timeNs);
    if (times.length === 0) return false;
    this.current = 0;
    this.horizonNs = times.length === 1 ? unlimited : Math.min(...times) + quantumNs;
    return true;
  }
}
