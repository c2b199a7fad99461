/** Whose turn it is among the lanes of a guest: in a round every runnable lane runs, in order, to a common horizon. */
import type { DueTimers } from '../machine/timer-queue';
import type { PartitionTime } from '../machine/partition-time';
import type { ProcessorScheduler } from '../hypervisor/processor-scheduler';
import { present } from '../support/assert';
import type { Lane } from './lane';

/** Span of a round in which several lanes run. */
export const quantumNs = 10_000;

const unlimited = Number.MAX_SAFE_INTEGER;

/** The saved part. */
export interface LaneScheduleState {
  readonly current: number;
  readonly horizonNs: number;
}

/** Told of runs on logical processors that nobody shares. */
export interface LaneObserver {
  didBegin(lane: Lane): void;
  didEnd(lane: Lane): void;
}

export class LaneSchedule {
  /** Told when a lane begins to run on a logical processor of its own, or ends that. */
  observer: LaneObserver | undefined;
  private current = 0;
  private roundEndNs = 0;
  private shared: ProcessorScheduler | undefined;

  constructor(
    readonly lanes: readonly Lane[],
    /** No lane runs past what is due next of them before it has been done. */
    readonly timers: DueTimers,
    /** Of the guest whose lanes they are; undefined where those of others are among them. */
    private readonly time?: PartitionTime,
  ) {}

  /** The guest is paused: it goes on with the round that is under way. */
  get isStopped(): boolean {
    return this.time?.isStopped === true;
  }

  /** Lanes have to share logical processors from here on, or have caps. */
  set scheduler(scheduler: ProcessorScheduler) {
    this.shared = scheduler;
  }

  /** The lane that runs next; undefined where every runnable lane has reached the horizon. */
  get next(): Lane | undefined {
    if (this.isStopped) return undefined;
    const horizon = this.horizonNs;
    for (; this.current < this.lanes.length; this.current++) {
      const lane = this.lanes[this.current];
      if (lane?.isRunnable === true && lane.timeNs < horizon && lane.hasTurn) return lane;
    }
    return undefined;
  }

  /** Whether `lane`, whose turn it is, has the next one as well. */
  givesAgain(lane: Lane): boolean {
    return (
      this.lanes[this.current] === lane &&
      lane.isRunnable &&
      lane.timeNs < this.horizonNs &&
      lane.hasTurn
    );
  }

  /** Time of the runnable lane that is furthest behind; Infinity where none is runnable. */
  get earliestNs(): number {
    if (this.shared !== undefined) return this.shared.earliestNs;
    let earliest = Infinity;
    for (const { isRunnable, timeNs } of this.lanes) {
      if (isRunnable && timeNs < earliest) earliest = timeNs;
    }
    return earliest;
  }

  /** When something happens next: a lane runs, or what is waited for comes due; Infinity where nothing does. */
  get momentNs(): number {
    const { next } = this;
    if (next !== undefined) return next.timeNs;
    const { nextDueNs } = this.timers;
    return nextDueNs !== Infinity && this.lanes.some(({ isWaiting }) => isWaiting)
      ? nextDueNs
      : Infinity;
  }

  /** Steps that `lane` may take before something else has its turn. */
  stepsToHorizon(lane: Lane): number {
    return this.horizonNs - lane.timeNs;
  }

  /** Begins a round. A single runnable lane gets the whole span; nothing else could happen in between. */
  beginRound(): void {
    if (this.shared !== undefined) {
      const roundNs = this.shared.assign();
      this.current = 0;
      this.roundEndNs = Math.min(unlimited, this.earliestNs + roundNs);
      return;
    }
    let count = 0;
    for (let index = 0; index < this.lanes.length; index++) {
      const lane = present(this.lanes[index], 'lane');
      const { isRunnable } = lane;
      if (isRunnable) count++;
      if (isRunnable !== lane.isRunning) this.note(lane, isRunnable);
    }
    this.current = 0;
    this.roundEndNs = count === 1 ? unlimited : this.earliestNs + quantumNs;
  }

  private note(lane: Lane, isRunning: boolean): void {
    lane.isRunning = isRunning;
    if (isRunning) this.observer?.didBegin(lane);
    else this.observer?.didEnd(lane);
  }

  /** Makes the next turn the first of a round: after something changed which lanes can run. */
  endRound(): void {
    this.current = this.lanes.length;
  }

  /** The guest goes on that was paused for `missedNs`. */
  resume(missedNs: number): void {
    if (this.roundEndNs !== unlimited) this.roundEndNs += missedNs;
  }

  /** Whose turn it is in the round that is under way, and its end by clocks that are `offsetNs` behind; none for no end. */
  roundAt(offsetNs: number): readonly number[] {
    const { current, roundEndNs } = this;
    return roundEndNs === unlimited ? [current] : [current, roundEndNs - offsetNs];
  }

  /** Goes on with the round of {@link roundAt}. */
  goOnWith([current = 0, endNs]: readonly number[], offsetNs: number): void {
    this.current = current;
    this.roundEndNs = endNs === undefined ? unlimited : endNs + offsetNs;
  }

  get state(): LaneScheduleState {
    return { current: this.current, horizonNs: this.roundEndNs };
  }

  set state(saved: LaneScheduleState) {
    this.current = saved.current;
    this.roundEndNs = saved.horizonNs;
  }

  /** A timer that an exit sets shortens the round that is under way. */
  private get horizonNs(): number {
    return Math.min(this.roundEndNs, this.timers.nextDueNs);
  }
}
