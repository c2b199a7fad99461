/** Monitored notification: a guest sets a bit in a page instead of making a hypercall, and the page is polled. */
import type { Timer } from '../../machine/timer-queue';
import {
  monitorCount,
  monitorLatencyUnitNs,
  monitorPage as page,
  monitorsOfGroup,
} from '../../spec/vmbus/monitor-page';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { connectionOf, type BusServices } from './bus-services';

const versionOfState = 1;
const latencyUnitsMaximum = 0xffff;

/**
 * The page from child to parent; nothing is signalled by the other one, as event flags do that. A monitor belongs to a
 * channel from its offer until it is released.
 */
export class MonitorPages {
  /** Guest-physical address; 0 where the guest gave none. */
  private childToParent = 0;
  /** Relation ids by monitor. */
  private readonly relids = new Map<number, number>();
  private readonly timer: Timer;

  /**
   * @param latencyNs between two looks at the page
   * @param signalled told of a channel whose bit was set
   */
  constructor(
    private readonly services: BusServices,
    private readonly latencyNs: number,
    private readonly signalled: (relid: number) => void,
  ) {
    this.timer = services.timers.createTimer('vmbus monitor', (dueNs) => this.poll(dueNs));
  }

  /** The guest says where its page is; 0 for none. Monitors that there are go on in the new page. */
  place(childToParent: number): void {
    this.childToParent = childToParent;
    for (const [monitor, relid] of this.relids) this.describe(monitor, connectionOf(relid));
    this.schedule();
  }

  /**
   * Gives a channel a monitor.
   * @returns its number; undefined where the guest has no page, or all are taken: then it makes hypercalls
   */
  allocate(relid: number): number | undefined {
    if (this.childToParent === 0) return undefined;
    for (let monitor = 0; monitor < monitorCount; monitor++) {
      if (this.relids.has(monitor)) continue;
      this.relids.set(monitor, relid);
      this.describe(monitor, connectionOf(relid));
      this.schedule();
      return monitor;
    }
    return undefined;
  }

  /** The channel is gone. */
  release(relid: number): void {
    for (const [monitor, of] of this.relids) if (of === relid) this.relids.delete(monitor);
    this.schedule();
  }

  clear(): void {
    this.childToParent = 0;
    this.relids.clear();
    this.timer.cancel();
  }

  save(): StateNode {
    return {
      version: versionOfState,
      childToParent: this.childToParent,
      monitors: Array.from(this.relids, ([monitor, relid]) => ({ monitor, relid })),
    };
  }

  /** The timer is restored with the machine's. */
  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.childToParent = record.number('childToParent');
    this.relids.clear();
    for (const saved of record.records('monitors')) {
      this.relids.set(saved.number('monitor'), saved.number('relid'));
    }
  }

  private schedule(): void {
    const isWanted = this.childToParent !== 0 && this.relids.size > 0;
    if (!isWanted) this.timer.cancel();
    else if (this.timer.dueNs === undefined) this.timer.setDue(this.nextNs(this.services.nowNs()));
  }

  private nextNs(afterNs: number): number {
    return Math.ceil(afterNs) + this.latencyNs;
  }

  /** A page that the guest has taken away is of no use until it gives another. */
  private poll(dueNs: number): void {
    const groups = new Set(
      [...this.relids.keys()].map((each) => Math.floor(each / monitorsOfGroup)),
    );
    const set: number[] = [];
    for (const group of groups) {
      const at = page.triggerGroups.offset + group * page.triggerGroups.elementBytes;
      const pending = this.readWord(at);
      if (pending === undefined || (pending !== 0 && !this.write(at, words(0)))) {
        this.childToParent = 0;
        this.services.trace.signal('to-parent', 0, 0, 'the monitor page is not mapped');
        break;
      }
      for (let bit = 0; bit < monitorsOfGroup; bit++) {
        const relid = this.relids.get(group * monitorsOfGroup + bit);
        if (((pending >>> bit) & 1) !== 0 && relid !== undefined) set.push(relid);
      }
    }
    if (this.childToParent !== 0) this.timer.setDue(this.nextNs(dueNs));
    for (const relid of set) this.signalled(relid);
  }

  /** Says in the page what a monitor stands for. A page that cannot be written is found out when it is polled. */
  private describe(monitor: number, connectionId: number): void {
    const { triggerState, latencies, parameters } = page;
    const groups = [...this.relids.keys()].map((each) => 1 << Math.floor(each / monitorsOfGroup));
    this.write(triggerState, words(groups.reduce((all, bit) => all | bit, 0)));
    const latency = Math.min(latencyUnitsMaximum, Math.ceil(this.latencyNs / monitorLatencyUnitNs));
    const latencyAt = latencies.offset + monitor * latencies.elementBytes;
    this.write(latencyAt, Uint8Array.of(latency & 0xff, latency >> 8));
    this.write(parameters.offset + monitor * parameters.elementBytes, words(connectionId, 0));
  }

  private readWord(offset: number): number | undefined {
    const bytes = new Uint8Array(4);
    const isRead = this.services.memory.read(this.childToParent + offset, bytes);
    return isRead ? new DataView(bytes.buffer).getUint32(0, true) : undefined;
  }

  private write(offset: number, bytes: Uint8Array): boolean {
    return this.services.memory.write(this.childToParent + offset, bytes);
  }
}

function words(...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => view.setUint32(index * 4, value, true));
  return new Uint8Array(view.buffer);
}
