/** Synthetic timers (TLFS 12.5): when they expire, what enables them, and what their registers say then. */
import assert from 'node:assert/strict';
import { readMsr, writeMsr } from '../../../debug-adapter/hypervisor/msr-access';
import {
  restorePartition,
  savePartition,
} from '../../../debug-adapter/hypervisor/partition.saved-state';
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import { StateRecord } from '../../../debug-adapter/support/state-record';
import { enableApics } from './enable-apics';
import { detachedServices, scriptedPartitionOf } from './scripted-core';

const enabled = 1n;
const periodic = 2n;
const lazy = 4n;
const autoEnable = 8n;
const direct = 1n << 12n;
const vector = (number: number): bigint => BigInt(number) << 4n;
const sint = (number: number): bigint => BigInt(number) << 16n;
const linux = enabled | autoEnable | direct | vector(0xed);

function rig(processorCount = 2) {
  const timers = new TimerQueue();
  const made = scriptedPartitionOf({ processorCount, services: detachedServices({ timers }) });
  const { partition, processors } = made;
  const processorAt = (index: number) => processors[index] ?? assert.fail('processor');
  enableApics(partition);
  const config = (n: number): number => 0x400000b0 + 2 * n;
  return {
    ...made,
    timers,
    writeConfig: (value: bigint, timeNs = 0, n = 0, index = 0) =>
      writeMsr(partition, processorAt(index), config(n), value, timeNs),
    writeCount: (value: bigint, timeNs = 0, n = 0, index = 0) =>
      writeMsr(partition, processorAt(index), config(n) + 1, value, timeNs),
    config: (n = 0, index = 0) => readMsr(partition, processorAt(index), config(n), 0),
    count: (n = 0, index = 0) => readMsr(partition, processorAt(index), config(n) + 1, 0),
  };
}

const never = Infinity;

interface Row {
  readonly name: string;
  readonly config: bigint;
  readonly count: bigint;
  /** The CONFIG register afterwards. */
  readonly shows: bigint;
  readonly dueNs: number;
}

const atNs = 5_000;
const rows: readonly Row[] = [
  { name: 'one-shot', config: linux, count: 100n, shows: linux, dueNs: 10_000 },
  { name: 'one-shot in the past', config: linux, count: 1n, shows: linux, dueNs: 100 },
  {
    name: 'one-shot further away than the clock goes',
    config: linux,
    count: (1n << 64n) - 1n,
    shows: linux,
    dueNs: never,
  },
  {
    name: 'auto-enable enables',
    config: linux & ~enabled,
    count: 100n,
    shows: linux,
    dueNs: 10_000,
  },
  {
    name: 'without auto-enable a count does not',
    config: direct | vector(0xed),
    count: 100n,
    shows: direct | vector(0xed),
    dueNs: never,
  },
  {
    name: 'periodic, from the moment of the write',
    config: linux | periodic,
    count: 100n,
    shows: linux | periodic,
    dueNs: 15_000,
  },
  {
    name: 'lazy',
    config: linux | periodic | lazy,
    count: 300n,
    shows: linux | periodic | lazy,
    dueNs: 35_000,
  },
  { name: 'count 0 disables', config: linux, count: 0n, shows: linux & ~enabled, dueNs: never },
  {
    name: 'a message to a SINT',
    config: enabled | autoEnable | sint(2),
    count: 100n,
    shows: enabled | autoEnable | sint(2),
    dueNs: 10_000,
  },
  {
    name: 'SINT 0',
    config: enabled | autoEnable,
    count: 100n,
    shows: autoEnable,
    dueNs: never,
  },
  {
    name: 'a vector that no local APIC takes',
    config: enabled | autoEnable | direct | vector(0xf),
    count: 100n,
    shows: autoEnable | direct | vector(0xf),
    dueNs: never,
  },
];

describe('synthetic timers', () => {
  for (const { name, config, count, shows, dueNs } of rows) {
    it(name, () => {
      const made = rig();
      assert.deepEqual([made.writeConfig(config, 0), made.writeCount(count, atNs)], [true, true]);
      assert.deepEqual([made.config(), made.count()], [shows, count]);
      assert.equal(made.timers.nextDueNs, dueNs);
    });
  }

  for (const bit of [13, 15, 20, 63]) {
    it(`reserved bit ${bit} of the configuration raises #GP`, () => {
      const made = rig();
      made.writeConfig(linux);
      assert.equal(made.writeConfig(linux | (1n << BigInt(bit))), false);
      assert.equal(made.config(), linux);
    });
  }

  it('one-shot: the interrupt comes once, and the timer is no longer enabled', () => {
    const { writeConfig, writeCount, config, timers, processors } = rig();
    writeConfig(linux);
    writeCount(100n);
    timers.runDue(9_999);
    assert.equal(processors[0]?.apic.deliverable, 0);
    timers.runDue(10_000);
    assert.deepEqual([processors[0]?.apic.deliverable, config()], [0xed, linux & ~enabled]);
    assert.equal(timers.nextDueNs, never);
    writeCount(200n);
    assert.deepEqual([config(), timers.nextDueNs], [linux, 20_000]);
  });

  it('periodic: period after period, none shorter than 10 µs', () => {
    const { writeConfig, writeCount, config, timers } = rig();
    writeConfig(linux | periodic);
    writeCount(200n, 1_000);
    for (const dueNs of [21_000, 41_000, 61_000]) {
      assert.equal(timers.nextDueNs, dueNs);
      timers.runDue(dueNs);
    }
    assert.equal(config(), linux | periodic);
    writeCount(1n, 100_000);
    timers.runDue(100_100);
    assert.equal(timers.nextDueNs, 110_100);
  });

  it('each timer of each processor is its own', () => {
    const { writeConfig, writeCount, timers, processors } = rig();
    writeConfig(linux, 0, 3, 1);
    writeCount(50n, 0, 3, 1);
    writeConfig(direct | enabled | vector(0x55), 0, 1, 0);
    writeCount(60n, 0, 1, 0);
    timers.runDue(5_000);
    assert.deepEqual(
      processors.map(({ apic }) => apic.deliverable),
      [0, 0xed],
    );
    timers.runDue(6_000);
    assert.deepEqual(
      processors.map(({ apic }) => apic.deliverable),
      [0x55, 0xed],
    );
  });

  it('the end of the partition stops them', () => {
    const { writeConfig, writeCount, timers, partition } = rig();
    writeConfig(linux);
    writeCount(100n);
    partition.endBy({ kind: 'exit', code: 0 });
    assert.equal(timers.nextDueNs, never);
  });

  it('registers and due moments are saved and restored', () => {
    const { writeConfig, writeCount, config, count, timers, partition } = rig();
    writeConfig(linux | periodic);
    writeCount(300n, 700);
    const [registers, queue] = [savePartition(partition), timers.save()];
    writeConfig(0n);
    writeCount(7n);
    restorePartition(partition, new StateRecord(registers, 'partition'));
    timers.restore(new StateRecord(queue, 'timers'));
    assert.deepEqual([config(), count(), timers.nextDueNs], [linux | periodic, 300n, 30_700]);
    assert.deepEqual(savePartition(partition), registers);
  });
});
