/** Everything that is due at a moment of virtual time, in one order. */
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { assert } from '../support/assert';
import { UserError } from '../support/user-error';

/** One thing that can become due. Made once, at power-on; setting and cancelling it is machine state. */
export interface Timer {
  /** When it is due, in nanoseconds of virtual time; undefined while it is not set. */
  readonly dueNs: number | undefined;
  /** Sets or moves it. A moment in the past makes it due at once. */
  setDue(dueNs: number): void;
  cancel(): void;
}

/** Makes timers; what components see of the queue. */
export interface TimerSource {
  /**
   * @param name unique in the machine, and stable: the key of its saved state
   * @param onDue called with the moment it was set for, which the clocks may have passed; the timer is not set then
   */
  createTimer(name: string, onDue: (dueNs: number) => void): Timer;
}

const versionOfState = 1;

class QueuedTimer implements Timer {
  due: number | undefined;

  constructor(
    readonly name: string,
    readonly onDue: (dueNs: number) => void,
    private readonly changed: () => void,
  ) {}

  get dueNs(): number | undefined {
    return this.due;
  }

  setDue(dueNs: number): void {
    assert(Number.isSafeInteger(dueNs), `timer ${this.name} is set to a whole number of ns`);
    this.due = dueNs;
    this.changed();
  }

  cancel(): void {
    this.due = undefined;
    this.changed();
  }
}

/** The machine's timers. Those due at one moment run in the order in which they were made. */
export class TimerQueue implements TimerSource {
  private readonly timers: QueuedTimer[] = [];
  /** Infinity where nothing is set; undefined where it must be found again. */
  private cachedNextNs: number | undefined = Infinity;

  createTimer(name: string, onDue: (dueNs: number) => void): Timer {
    assert(!this.timers.some((timer) => timer.name === name), `timer name ${name} is free`);
    const timer = new QueuedTimer(name, onDue, () => {
      this.cachedNextNs = undefined;
    });
    this.timers.push(timer);
    return timer;
  }

  /** The earliest moment at which something is due; Infinity where nothing is. */
  get nextDueNs(): number {
    this.cachedNextNs ??= this.timers.reduce(
      (next, { due }) => (due !== undefined && due < next ? due : next),
      Infinity,
    );
    return this.cachedNextNs;
  }

  /** Runs whatever is due at `nowNs` or before, earliest first, including what that sets anew. */
  runDue(nowNs: number): void {
    while (this.nextDueNs <= nowNs) {
      const dueNs = this.nextDueNs;
      const timer = this.timers.find(({ due }) => due === dueNs);
      if (timer === undefined) return;
      timer.cancel();
      timer.onDue(dueNs);
    }
  }

  save(): StateNode {
    return {
      version: versionOfState,
      set: this.timers.flatMap(({ name, due }) => (due === undefined ? [] : [{ name, due }])),
    };
  }

  /** @throws UserError where the state names a timer that this machine does not have */
  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    for (const timer of this.timers) timer.cancel();
    for (const saved of record.records('set')) {
      const name = saved.string('name');
      const timer = this.timers.find((candidate) => candidate.name === name);
      if (timer === undefined) {
        throw new UserError(
          'saved-state-timer',
          `The saved state has a timer "${name}", which this machine does not have.`,
        );
      }
      timer.setDue(saved.number('due'));
    }
  }
}
