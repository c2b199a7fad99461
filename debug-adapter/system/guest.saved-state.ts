/** The state of one guest by itself, apart from its machine: what is saved of it, its hash, and how it is put back. */
import { restoreGuest, saveGuest } from '../hypervisor/partition.saved-state';
import type { Partition } from '../hypervisor/partition';
import { pageSizeBytes } from '../machine/addresses';
import type { GuestConnection, ParentPartition } from '../parent-partition/parent-partition';
import type { DiskOverlay } from '../parent-partition/virtual-disks/disk-overlay';
import type { RamRange } from '../parent-partition/virtualization-stack/guest-creation';
import { mapFlagsOf } from '../parent-partition/virtualization-stack/map-flags';
import { present } from '../support/assert';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import type { RunLoop } from './run-loop';

/** A guest and what of the machine is about it. */
export interface GuestParts {
  readonly partition: Partition;
  readonly parent: ParentPartition;
  readonly loop: RunLoop;
  /** What it has written to its disks, in their order. */
  readonly overlays: readonly DiskOverlay[];
}

/** What decides how the guest goes on, by component, without its RAM and its disks; times are the partition's own. */
export function saveGuestTree({
  partition,
  parent,
  loop,
}: GuestParts): Readonly<Record<string, StateNode>> {
  return {
    isSuspended: Number(partition.isSuspended),
    connections: partition.connections.open.map((connection) => ({ ...connection })),
    processorTimes: loop.timesOf(partition),
    guest: saveGuest(partition),
    timers: partition.time.saveTimers(),
    devices: parent.saveGuest(partition.id),
  };
}

/** Guest-physical pages and their rights: page, count, rights, one run behind the other. */
export function saveRam({ lifeCycle }: Partition): readonly number[] {
  return lifeCycle.gpaMap.runs.flatMap(({ gpaPage, count, rights }) => [gpaPage, count, rights]);
}

/** What {@link saveRam} saved, as the parent maps it. */
export function ramOf(saved: readonly number[]): readonly RamRange[] {
  const ranges: RamRange[] = [];
  for (let at = 0; at + 3 <= saved.length; at += 3) {
    const field = (index: number): number => present(saved[at + index], 'field of a run');
    const [first, count, rights] = [field(0), field(1), field(2)];
    const start = first * pageSizeBytes;
    ranges.push({ start, end: start + count * pageSizeBytes, mapFlags: mapFlagsOf(rights) });
  }
  return ranges;
}

/**
 * Puts back what {@link saveGuestTree} saved into a partition that the parent has made again, whose memory has been put
 * back. The processors are let go by the parent, as those of a new guest are.
 * @param momentNs what the partition's clocks said when it was saved, and say now
 * @throws UserError where the record is not of such a guest; the machine is then undefined and must be put back
 */
export function restoreGuestTree(
  { partition, parent, loop, overlays }: GuestParts,
  record: StateRecord,
  momentNs: number,
): void {
  const { id, time } = partition;
  time.offsetNs = loop.latestTimeNs - momentNs;
  restoreGuest(partition, record.record('guest'));
  parent.restoreGuest(id, record.record('devices'));
  parent.reconnectGuest(id, record.records('connections').map(readConnection));
  const times = record.numbers('processorTimes');
  if (times.length !== partition.processors.length || times.some((ns) => ns < 0)) {
    throw record.mismatch('processorTimes', 'one moment for each processor');
  }
  time.restoreTimers(record.record('timers'), Math.min(...times));
  const saved = record.records('overlays');
  overlays.forEach((overlay, index) => {
    const state = saved[index];
    if (state !== undefined) overlay.restore(state);
  });
  const running = partition.processors.filter((processor) => !processor.isSuspendedFor('explicit'));
  for (const processor of running) processor.suspend('explicit', true);
  parent.startGuest(
    id,
    running.map(({ index }) => index),
  );
  if (record.number('isSuspended') !== 0) parent.setGuestPaused(id, true);
  loop.admit(partition, times, record.numbers('round'));
}

function readConnection(record: StateRecord): GuestConnection {
  return { id: record.number('id'), flagCount: record.number('flagCount') };
}
