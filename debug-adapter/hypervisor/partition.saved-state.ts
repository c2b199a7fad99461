/** Saved state of a partition with its memory and processors. */
import { pageSizeBytes } from '../machine/addresses';
import type { GuestMemorySavedState } from '../machine/guest-memory';
import { answersMost, stateBytes, stateOffsets } from '../machine/processor-state';
import { findMapDamage } from '../machine/saved-map-check';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import type { Partition, PartitionEnd } from './partition';
import { awaitedAnswers, suspendReasons, type VirtualProcessor } from './virtual-processor';

const partitionVersion = 9;
const guestVersion = 1;
const processorVersion = 9;
const memoryVersion = 1;

/** The state of a partition without the contents of its memory: what is the guest's own, and what it is in its machine. */
export function savePartition(partition: Partition): StateNode {
  return {
    version: partitionVersion,
    id: partition.id,
    lifeCycle: partition.lifeCycle.save(),
    connections: partition.connections.save(),
    portIntercepts: partition.portIntercepts.save(),
    memoryIntercepts: partition.memoryIntercepts.save(),
    timeOffset: partition.time.offsetNs,
    stopped: partition.time.saveStop(),
    pendingExits: partition.processors.flatMap(({ index, exitIdentity }) =>
      exitIdentity === undefined ? [] : [{ processor: index, ...exitIdentity }],
    ),
    guest: saveGuest(partition),
  };
}

/** The guest's own state, which does not depend on the machine that it is in; clocks count in the partition's time. */
export function saveGuest(partition: Partition): StateNode {
  return {
    version: guestVersion,
    privileges: partition.privileges,
    guestOsId: partition.guestOsId,
    hypercall: partition.hypercallRegister,
    clock: partition.clock.latestNs,
    end: partition.end === undefined ? [] : [{ ...partition.end }],
    synthetic: partition.synthetic.save(),
    processors: partition.processors.map(saveProcessor),
  };
}

/** @throws UserError where the record is not of this partition; the partition is then undefined and must be restored again */
export function restorePartition(partition: Partition, record: StateRecord): void {
  record.expectVersion(partitionVersion);
  if (record.number('id') !== partition.id) throw otherMachine(partition);
  partition.lifeCycle.restore(record.record('lifeCycle'));
  partition.time.offsetNs = record.number('timeOffset');
  restoreGuest(partition, record.record('guest'));
  partition.connections.restore(record.record('connections'), partition.lifeCycle.ports);
  for (const key of ['portIntercepts', 'memoryIntercepts'] as const) {
    if (partition[key].restore(record.numbers(key))) continue;
    throw record.mismatch(key, 'ranges, each with its first number and its end');
  }
  for (const processor of partition.processors) processor.exitIdentity = undefined;
  for (const pending of record.records('pendingExits')) {
    const processor = partition.processors[pending.number('processor')];
    if (processor === undefined) throw otherMachine(partition);
    processor.exitIdentity = {
      position: pending.count('position'),
      ordinal: pending.count('ordinal'),
      timeNs: pending.number('timeNs'),
    };
  }
}

/**
 * Stops the time of a partition that was suspended, or lets it go on; after everything that has timers, and before the
 * machine's own timers.
 * @param latestNs where the machine stands
 * @throws UserError
 */
export function restoreStop(partition: Partition, record: StateRecord, latestNs: number): void {
  const stopped = record.records('stopped');
  if (stopped.length !== Number(partition.isSuspended)) {
    throw record.mismatch('stopped', 'one record where the partition is suspended, else none');
  }
  partition.time.restoreStop(stopped, latestNs);
}

/**
 * Puts back what {@link saveGuest} saved, after the memory. An exit that was pending still has to get its place.
 * @throws UserError where the record is of a guest with other processors
 */
export function restoreGuest(partition: Partition, record: StateRecord): void {
  record.expectVersion(guestVersion);
  const processors = record.records('processors');
  if (processors.length !== partition.processors.length) throw otherMachine(partition);
  partition.setPrivileges(record.bigint('privileges'));
  partition.clock.latestNs = record.count('clock');
  const end = record.records('end')[0];
  partition.synthetic.restore(record.record('synthetic'));
  partition.restoreRegisters(
    record.bigint('guestOsId'),
    record.bigint('hypercall'),
    end === undefined ? undefined : restoreEnd(end),
  );
  partition.processors.forEach((processor, index) => {
    const saved = processors[index];
    if (saved !== undefined) restoreProcessor(processor, saved);
  });
}

function otherMachine({ id }: Partition): UserError {
  return new UserError(
    'saved-state-other-machine',
    `The saved state is of another machine: partition ${id} differs.`,
    'Start the machine with the configuration that was saved.',
  );
}

function restoreEnd(record: StateRecord): PartitionEnd {
  const kind = record.choice('kind', ['exit', 'reset', 'finalized']);
  return kind === 'exit' ? { kind, code: record.number('code') } : { kind };
}

function saveProcessor(processor: VirtualProcessor): StateNode {
  return {
    version: processorVersion,
    state: processor.state.architecturalBytes.slice(),
    exits: processor.exits,
    runNs: processor.runNs,
    entryChecksDue: processor.entryChecksDue ? 1 : 0,
    isGuestIdle: processor.isGuestIdle ? 1 : 0,
    awaited: processor.awaited ?? '',
    suspended: suspendReasons.filter((reason) => processor.isSuspendedFor(reason)),
    apic: processor.apic.save(),
  };
}

function restoreProcessor(processor: VirtualProcessor, record: StateRecord): void {
  record.expectVersion(processorVersion);
  processor.state.architecturalBytes.set(record.bytes('state', stateBytes));
  if (processor.state.readU32(stateOffsets.answerCount) > answersMost) {
    throw record.mismatch('state', `a processor with at most ${answersMost} answers of devices`);
  }
  processor.exits = record.count('exits');
  processor.runNs = record.count('runNs');
  processor.entryChecksDue = record.number('entryChecksDue') !== 0;
  processor.apic.restore(record.record('apic'));
  processor.isGuestIdle = record.number('isGuestIdle') !== 0;
  const awaited = record.choice('awaited', ['', ...awaitedAnswers]);
  processor.awaited = awaited === '' ? undefined : awaited;
  const suspended = record.nodes('suspended');
  for (const reason of suspendReasons) processor.suspend(reason, suspended.includes(reason));
  processor.forgetDescription();
  processor.core.stateWasEdited();
}

/** The contents of a partition's memory. */
export function savePartitionMemory(partition: Partition): StateNode {
  return describeMemory(partition.memory.save());
}

/** The tree of a saved memory, which {@link restorePartitionMemory} reads. */
export function describeMemory(memory: GuestMemorySavedState): StateNode {
  return {
    version: memoryVersion,
    chunks: memory.chunks.map(({ index, entries }) => ({ index, entries })),
    overlays: memory.overlays.map(({ gpaPage, underlying }) => ({ gpaPage, underlying })),
    freeFrames: memory.freeFrames,
    frames: memory.frames,
  };
}

/** What {@link describeMemory} has described. */
export function readMemory(record: StateRecord): GuestMemorySavedState {
  record.expectVersion(memoryVersion);
  return {
    chunks: record.records('chunks').map((chunk) => ({
      index: chunk.number('index'),
      entries: chunk.bytes('entries'),
    })),
    overlays: record.records('overlays').map((overlay) => ({
      gpaPage: overlay.number('gpaPage'),
      underlying: overlay.number('underlying'),
    })),
    freeFrames: record.numbers('freeFrames'),
    frames: record.bytes('frames'),
  };
}

/** To be followed by {@link restorePartition}. @throws UserError where the memory has another size, or cannot be one */
export function restorePartitionMemory(partition: Partition, record: StateRecord): void {
  const saved = readMemory(record);
  const damage = findMapDamage(saved, Math.floor(saved.frames.length / pageSizeBytes));
  if (damage !== undefined) {
    throw new UserError(
      'saved-state-damaged',
      `The saved state cannot be read: the memory map of "${partition.name}" ${damage}.`,
      'Use another saved state, or start the machine anew.',
    );
  }
  if (partition.memory.restore(saved)) return;
  throw new UserError(
    'saved-state-memory',
    `The saved memory does not fit the partition "${partition.name}".`,
    'Give the partition the memory size it was saved with.',
  );
}
