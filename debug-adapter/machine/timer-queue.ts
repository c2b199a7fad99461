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
   * @param partition whose timer it is; the machine's own where it is absent
   */
  createTimer(name: string, onDue: (dueNs: number) => void, partition?: number): Timer;
}

/** Some of a machine's timers, which become due together: those of a partition, or all. */
export interface DueTimers {
  /** The earliest moment at which something is due; Infinity where nothing is. */
  readonly nextDueNs: number;
  /** Runs whatever is due at `nowNs` or before, earliest first, including what that sets anew. */
  runDue(nowNs: number): void;
  /** What was due before a moment becomes due at it, so that a periodic timer does not make up for all it has missed. */
  putOff(untilNs: number): void;
}

const versionOfState = 1;

class QueuedTimer implements Timer {
  due: number | undefined;

  constructor(
    readonly name: string,
    readonly onDue: (dueNs: number) => void,
    private readonly changed: (before: number | undefined, now: number | undefined) => void,
  ) {}

  get dueNs(): number | undefined {
    return this.due;
  }

  setDue(dueNs: number): void {
    assert(Number.isSafeInteger(dueNs), `timer ${this.name} is set to a whole number of ns`);
    this.set(dueNs);
  }

  cancel(): void {
    this.set(undefined);
  }

  private set(due: number | undefined): void {
    const before = this.due;
    this.due = due;
    this.changed(before, due);
  }
}

/** Those due at one moment run in the order in which they were made. */
class TimerGroup implements DueTimers {
  /**
   * Asked several times at each exit, and so always known. Written twice at first: what has been written only once the
   * engine takes for a constant, and translates all that has asked anew when the first timer is set.
   */
  nextDueNs = 0;
  private readonly timers: QueuedTimer[] = [];

  constructor() {
    this.nextDueNs = this.findNext();
  }

  add(timer: QueuedTimer): void {
    this.timers.push(timer);
  }

  /** One of them has been set, moved or cancelled. */
  changed(before: number | undefined, now: number | undefined): void {
    if (now !== undefined && now <= this.nextDueNs) this.nextDueNs = now;
    else if (before === this.nextDueNs) this.nextDueNs = this.findNext();
  }

  private findNext(): number {
    let next = Infinity;
    for (const { due } of this.timers) if (due !== undefined && due < next) next = due;
    return next;
  }

  runDue(nowNs: number): void {
    while (this.nextDueNs <= nowNs) {
      const dueNs = this.nextDueNs;
      const timer = this.timers.find(({ due }) => due === dueNs);
      if (timer === undefined) return;
      timer.cancel();
      timer.onDue(dueNs);
    }
  }

  putOff(untilNs: number): void {
    if (this.nextDueNs >= untilNs) return;
    for (const timer of this.timers) {
      if (timer.due !== undefined && timer.due < untilNs) timer.setDue(untilNs);
    }
  }
}

/** The machine's timers. */
export class TimerQueue implements TimerSource, DueTimers {
  private readonly timers: QueuedTimer[] = [];
  private readonly all = new TimerGroup();
  private readonly ofPartition = new Map<number, TimerGroup>();

  createTimer(name: string, onDue: (dueNs: number) => void, partition?: number): Timer {
    assert(!this.timers.some((timer) => timer.name === name), `timer name ${name} is free`);
    const group = partition === undefined ? undefined : this.groupOf(partition);
    const timer = new QueuedTimer(name, onDue, (before, now) => {
      this.all.changed(before, now);
      group?.changed(before, now);
    });
    this.timers.push(timer);
    this.all.add(timer);
    group?.add(timer);
    return timer;
  }

  /** The timers of a partition, those included that it is given later. */
  timersOf(partition: number): DueTimers {
    return this.groupOf(partition);
  }

  get nextDueNs(): number {
    return this.all.nextDueNs;
  }

  runDue(nowNs: number): void {
    this.all.runDue(nowNs);
  }

  putOff(untilNs: number): void {
    this.all.putOff(untilNs);
  }

  private groupOf(partition: number): TimerGroup {
    let group = this.ofPartition.get(partition);
    if (group === undefined) {
      group = new TimerGroup();
      this.ofPartition.set(partition, group);
    }
    return group;
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
