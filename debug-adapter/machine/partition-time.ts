/** The virtual time of one partition: the machine's, less what it has missed, with the timers that are set in it. */
import { present } from '../support/assert';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import type { Timer, TimerSource } from './timer-queue';

const version = 1;
/** Processors run ahead of a timer by a turn and the cost of its last exit. */
const missedMostNs = 1_000_000;

class TranslatedTimer implements Timer {
  constructor(
    private readonly made: Timer,
    private readonly time: { readonly offsetNs: number },
  ) {}

  get dueNs(): number | undefined {
    const { dueNs } = this.made;
    return dueNs === undefined ? undefined : dueNs - this.time.offsetNs;
  }

  setDue(dueNs: number): void {
    this.made.setDue(dueNs + this.time.offsetNs);
  }

  cancel(): void {
    this.made.cancel();
  }
}

/**
 * A partition that is saved and restored later finds its clocks where it left them. Everything of the partition counts
 * in this time; only the machine's timer queue and the lanes' schedule count in the machine's.
 */
export class PartitionTime implements TimerSource {
  /** The machine's time less the partition's; below 0 where the partition comes from an older machine. */
  offsetNs = 0;
  /** In the order in which they were made, which is the same in every machine with such a guest. */
  private readonly timers: Timer[] = [];

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
    return this.machineNs() - this.offsetNs;
  }

  /** What the partition's clocks show at a moment of the machine's time. */
  at(machineNs: number): number {
    return machineNs - this.offsetNs;
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
    record.expectVersion(version);
    this.cancelAll();
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
    // A periodic timer would make up for all it has missed before anything else happens.
    if (set.some(({ due }) => due < earliestNs - missedMostNs)) {
      throw record.mismatch('set', 'timers that are still to come');
    }
    for (const { place, due } of set) present(this.timers[place], 'timer').setDue(due);
  }
}
