/** The virtual time of one partition: the machine's, less what it has missed, with the timers that are set in it. */
import { present } from '../support/assert';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import type { Timer, TimerSource } from './timer-queue';

const version = 1;
/** Processors run ahead of a timer by a turn and the cost of its last exit. */
const missedMostNs = 1_000_000;

interface SavedTimer {
  /** In the order in which they were made. */
  readonly place: number;
  readonly due: number;
}

class TranslatedTimer implements Timer {
  /** In the place of the machine's timer while the time stands still. */
  private heldNs: number | undefined;

  constructor(
    private readonly made: Timer,
    private readonly time: { readonly offsetNs: number; readonly isStopped: boolean },
  ) {}

  get dueNs(): number | undefined {
    if (this.time.isStopped) return this.heldNs;
    const { dueNs } = this.made;
    return dueNs === undefined ? undefined : dueNs - this.time.offsetNs;
  }

  setDue(dueNs: number): void {
    if (this.time.isStopped) this.heldNs = dueNs;
    else this.made.setDue(dueNs + this.time.offsetNs);
  }

  cancel(): void {
    this.heldNs = undefined;
    this.made.cancel();
  }
}

/**
 * A partition that is saved and restored later finds its clocks where it left them, and one that is paused where they
 * stood still. Everything of the partition counts
 * in this time; only the machine's timer queue and the lanes' schedule count in the machine's.
 */
export class PartitionTime implements TimerSource {
  /** The machine's time less the partition's; below 0 where the partition comes from an older machine. */
  offsetNs = 0;
  /** The moment of the machine's at which it has been stopped. */
  private stoppedAtNs: number | undefined;
  /** In the order in which they were made, which is the same in every machine with such a guest. */
  private readonly timers: TranslatedTimer[] = [];

  /**
   * @param machineTimers the machine's timers
   * @param machineNs the machine's time
   * @param partition whose time it is
   */
  constructor(
    private readonly machineTimers: TimerSource,
    private readonly machineNs: () => number,
    private readonly partition?: number,
  ) {}

  nowNs(): number {
    return this.at(this.machineNs());
  }

  /** What the partition's clocks show at a moment of the machine's time. */
  at(machineNs: number): number {
    return this.reachedAt(machineNs) - this.offsetNs;
  }

  /** A moment of the machine's time, or the one at which the partition's has been stopped before. */
  reachedAt(machineNs: number): number {
    return Math.min(machineNs, this.stoppedAtNs ?? Infinity);
  }

  /** By how much the partition is behind the machine; 0 where it comes from an older one. */
  behindNs(): number {
    return Math.max(0, this.machineNs() - this.nowNs());
  }

  /** It stands still, and nothing becomes due in it. */
  get isStopped(): boolean {
    return this.stoppedAtNs !== undefined;
  }

  stop(): void {
    if (this.isStopped) return;
    const due = this.timers.map(({ dueNs }) => dueNs);
    this.cancelAll();
    this.stoppedAtNs = this.machineNs();
    this.setAll(due);
  }

  /** Goes on where it was stopped. @returns the machine's time that has passed meanwhile */
  goOn(): number {
    if (this.stoppedAtNs === undefined) return 0;
    const missedNs = Math.max(0, this.machineNs() - this.stoppedAtNs);
    const due = this.timers.map(({ dueNs }) => dueNs);
    this.cancelAll();
    this.stoppedAtNs = undefined;
    this.offsetNs += missedNs;
    this.setAll(due);
    return missedNs;
  }

  private setAll(due: readonly (number | undefined)[]): void {
    this.timers.forEach((timer, place) => {
      const dueNs = due[place];
      if (dueNs !== undefined) timer.setDue(dueNs);
    });
  }

  createTimer(name: string, onDue: (dueNs: number) => void): Timer {
    const made = this.machineTimers.createTimer(
      name,
      (dueNs) => onDue(dueNs - this.offsetNs),
      this.partition,
    );
    const timer = new TranslatedTimer(made, this);
    this.timers.push(timer);
    return timer;
  }

  /** Nothing of the partition becomes due any more. */
  cancelAll(): void {
    for (const timer of this.timers) timer.cancel();
  }

  /** Since when it stands still, with the timers that the machine's queue does not have then; nothing while it goes on. */
  saveStop(): readonly StateNode[] {
    return this.stoppedAtNs === undefined
      ? []
      : [{ at: this.stoppedAtNs, timers: this.saveTimers() }];
  }

  /**
   * Puts back what {@link saveStop} saved, behind the offset and before the machine's timers.
   * @param latestNs the machine's time
   * @throws UserError
   */
  restoreStop([record]: readonly StateRecord[], latestNs: number): void {
    this.stoppedAtNs = record?.count('at', latestNs);
    this.cancelAll();
    if (record !== undefined) this.setSaved(this.readTimers(record.record('timers')));
  }

  /** The timers that are set, by their place in the order, in the partition's time. */
  saveTimers(): StateNode {
    const set = this.timers.flatMap(({ dueNs }, place) =>
      dueNs === undefined ? [] : [{ place, due: dueNs }],
    );
    return { version, count: this.timers.length, set };
  }

  /**
   * Sets the timers that were saved; the offset is set before.
   * @param earliestNs where the processor stood that was furthest behind
   * @throws UserError where they are of another guest, or have been missed for long
   */
  restoreTimers(record: StateRecord, earliestNs: number): void {
    this.cancelAll();
    const set = this.readTimers(record);
    // A periodic timer would make up for all it has missed before anything else happens.
    if (set.some(({ due }) => due < earliestNs - missedMostNs)) {
      throw record.mismatch('set', 'timers that are still to come');
    }
    this.setSaved(set);
  }

  private readTimers(record: StateRecord): readonly SavedTimer[] {
    record.expectVersion(version);
    const set = record.records('set').map((saved) => ({
      place: saved.number('place'),
      due: saved.number('due'),
    }));
    const isSame = record.number('count') === this.timers.length;
    if (!isSame || set.some(({ place }) => this.timers[place] === undefined)) {
      throw new UserError(
        'saved-state-timer',
        'The saved state has timers that this guest does not have.',
        'Use the build that saved it.',
      );
    }
    return set;
  }

  private setSaved(set: readonly SavedTimer[]): void {
    for (const { place, due } of set) present(this.timers[place], 'timer').setDue(due);
  }
}
