/** What providers will do later: one list for a bus, with one timer for its earliest entry. */
import type { Timer } from '../../machine/timer-queue';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { assert } from '../../support/assert';
import type { BusServices } from './bus-services';

interface ScheduledWork {
  readonly dueNs: number;
  readonly relid: number;
  readonly work: number;
}

export class WorkSchedule {
  /** By the moment it is due; of one moment, in the order in which it was scheduled. */
  private entries: ScheduledWork[] = [];
  private readonly timer: Timer;

  constructor(
    private readonly services: BusServices,
    private readonly run: (relid: number, work: number) => void,
  ) {
    this.timer = services.timers.createTimer('vmbus work', (dueNs) => this.runDue(dueNs));
  }

  add(relid: number, delayNs: number, work: number): void {
    assert(Number.isSafeInteger(work), 'work has a whole number');
    const dueNs = this.services.nowNs() + Math.max(0, Math.ceil(delayNs));
    const after = this.entries.findIndex((entry) => entry.dueNs > dueNs);
    this.entries.splice(after < 0 ? this.entries.length : after, 0, { dueNs, relid, work });
    this.setTimer();
  }

  /** Forgets the work of a channel. */
  forget(relid: number): void {
    this.entries = this.entries.filter((entry) => entry.relid !== relid);
    this.setTimer();
  }

  clear(): void {
    this.entries = [];
    this.timer.cancel();
  }

  save(): StateNode {
    return this.entries.map((entry) => ({ ...entry }));
  }

  /** The timer is restored with the machine's. */
  restore(records: readonly StateRecord[]): void {
    this.entries = records.map((entry) => ({
      dueNs: entry.number('dueNs'),
      relid: entry.number('relid'),
      work: entry.number('work'),
    }));
  }

  private runDue(dueNs: number): void {
    while (this.entries[0] !== undefined && this.entries[0].dueNs <= dueNs) {
      const next = this.entries.shift();
      if (next !== undefined) this.run(next.relid, next.work);
    }
    this.setTimer();
  }

  private setTimer(): void {
    const [next] = this.entries;
    if (next === undefined) this.timer.cancel();
    else if (this.timer.dueNs !== next.dueNs) this.timer.setDue(next.dueNs);
  }
}
