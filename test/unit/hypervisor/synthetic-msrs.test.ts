/** Synthetic MSRs (TLFS appendix C): values, overlay pages, and what raises #GP. */
import assert from 'node:assert/strict';
import { readMsr, writeMsr } from '../../../debug-adapter/hypervisor/msr-access';
import {
  restorePartition,
  savePartition,
} from '../../../debug-adapter/hypervisor/partition.saved-state';
import { reasonWithoutMsr } from '../../../debug-adapter/hypervisor/unsupported';
import { partitionPrivileges } from '../../../debug-adapter/spec/tlfs/privileges';
import { syntheticMsrs } from '../../../debug-adapter/spec/tlfs/synthetic-msrs';
import { msrByName } from '../../../debug-adapter/spec/x86/msrs';
import { StateRecord } from '../../../debug-adapter/support/state-record';
import { enableApics } from './enable-apics';
import { scriptedPartition } from './scripted-core';

const allPrivileges = partitionPrivileges.map(({ name }) => name);
const number = (name: string): number =>
  (msrByName.get(`HV_X64_MSR_${name}`) ?? msrByName.get(name) ?? assert.fail(name)).number;

function rig(privileges = allPrivileges) {
  const made = scriptedPartition(privileges);
  const { partition, processor } = made;
  return {
    ...made,
    read: (name: string, timeNs = 0) => readMsr(partition, processor, number(name), timeNs),
    write: (name: string, value: bigint, timeNs = 0) =>
      writeMsr(partition, processor, number(name), value, timeNs),
    page: (gpa: number) => partition.memory.read(gpa, 4096) ?? assert.fail('no memory'),
  };
}

type Msrs = ReturnType<typeof rig>;

const ones = (1n << 64n) - 1n;

describe('synthetic MSRs', () => {
  /** Written value, and what is read back; 'GP' where the write raises #GP. */
  const rows: readonly (readonly [string, bigint, bigint | 'GP'])[] = [
    ['REFERENCE_TSC', 0x5001n, 0x5001n],
    ['REFERENCE_TSC', 0x5ffen, 0x5ffen],
    ['REFERENCE_TSC', 0x1000_0000_0000_0001n, 0x1000_0000_0000_0001n],
    ['REFERENCE_TSC', 0n, 0n],
    ['VP_ASSIST_PAGE', 0x6001n, 0x6001n],
    ['VP_ASSIST_PAGE', ones, ones],
    ['CRASH_P0', ones, ones],
    ['CRASH_P4', 0x1234n, 0x1234n],
    ['TSC_INVARIANT_CONTROL', 0n, 0n],
    ['TSC_INVARIANT_CONTROL', 1n, 1n],
    ['TSC_INVARIANT_CONTROL', 2n, 'GP'],
    ['TSC_INVARIANT_CONTROL', 3n, 'GP'],
    ['VP_INDEX', 0n, 'GP'],
    ['VP_RUNTIME', 0n, 'GP'],
    ['TIME_REF_COUNT', 0n, 'GP'],
    ['TSC_FREQUENCY', 1n, 'GP'],
    ['APIC_FREQUENCY', 1n, 'GP'],
    ['IA32_TSC_ADJUST', 0x1234n, 0x1234n],
    ['IA32_SPEC_CTRL', 7n, 7n],
    ['IA32_SPEC_CTRL', 8n, 'GP'],
    ['IA32_ARCH_CAPABILITIES', 0n, 'GP'],
    ['IA32_PRED_CMD', 2n, 'GP'],
  ];
  for (const [name, value, expected] of rows) {
    const what = expected === 'GP' ? 'raises #GP' : 'is read back';
    it(`${name} = 0x${value.toString(16)} ${what}`, () => {
      const { read, write } = rig();
      const before = read(name);
      assert.equal(write(name, value), expected !== 'GP');
      assert.equal(read(name), expected === 'GP' ? before : expected);
    });
  }

  it('IA32_PRED_CMD is write-only', () => {
    const { read, write } = rig();
    assert.deepEqual([write('IA32_PRED_CMD', 1n), read('IA32_PRED_CMD')], [true, undefined]);
  });

  it('the invariant counter is not taken back', () => {
    const { write, read } = rig();
    assert.deepEqual(
      [write('TSC_INVARIANT_CONTROL', 1n), write('TSC_INVARIANT_CONTROL', 0n)],
      [true, false],
    );
    assert.equal(read('TSC_INVARIANT_CONTROL'), 1n);
  });

  for (const { name, number: msr, access } of syntheticMsrs) {
    const isThere = reasonWithoutMsr(name) === undefined;
    it(`${name}: ${isThere ? access : 'not there'}, with every privilege`, () => {
      const { partition, processor } = rig();
      const value = readMsr(partition, processor, msr, 0);
      // What is only written reads 0 or raises #GP.
      if (access === 'write') assert.equal(value ?? 0n, 0n);
      else assert.equal(value !== undefined, isThere, 'is read');
      const isWritten = writeMsr(partition, processor, msr, value ?? 0n, 0);
      assert.equal(isWritten, isThere && access !== 'read', 'takes what it says');
    });
  }

  for (const { name, number: msr, privilege } of syntheticMsrs) {
    if (privilege === undefined) continue;
    it(`${name} raises #GP without ${privilege}`, () => {
      const { partition, processor } = rig(allPrivileges.filter((held) => held !== privilege));
      assert.equal(readMsr(partition, processor, msr, 0), undefined);
      assert.equal(writeMsr(partition, processor, msr, 0n, 0), false);
    });
  }
});

describe('registers of the local APIC (TLFS 10.2)', () => {
  const rows: readonly (readonly [string, bigint, boolean, bigint | undefined])[] = [
    ['EOI', 0n, true, undefined],
    ['EOI', 1n << 32n, false, undefined],
    ['TPR', 0xf5n, true, 0xf5n],
    ['TPR', 0x100n, false, 0n],
    ['ICR', 0x0300_0000_0000_00f1n, true, 0x0300_0000_0000_00f1n],
  ];
  for (const [name, value, isTaken, readBack] of rows) {
    it(`${name} = 0x${value.toString(16)} ${isTaken ? 'is done' : 'raises #GP'}`, () => {
      const { read, write } = rig();
      assert.deepEqual([write(name, value), read(name)], [isTaken, readBack]);
    });

    it(`${name} raises #GP while IA32_APIC_BASE disables the APIC`, () => {
      const { read, write } = rig();
      assert.equal(write('IA32_APIC_BASE', 0xfee0_0100n), true);
      assert.deepEqual([write(name, value), read(name)], [false, undefined]);
    });
  }

  it('EOI ends the interrupt in service, and ICR sends one', () => {
    const { write, partition, processor } = rig();
    enableApics(partition);
    write('ICR', 0x40051n);
    assert.equal(processor.apic.acknowledge(), 0x51);
    write('ICR', 0x40041n);
    assert.equal(processor.apic.deliverable, 0);
    write('EOI', 0n);
    assert.equal(processor.apic.deliverable, 0x41);
    write('TPR', 0x40n);
    assert.equal(processor.apic.deliverable, 0);
  });
});

describe('time-stamp counter and its adjustment (SDM vol. 3, 18.17.3)', () => {
  it('each follows what is added to the other', () => {
    const { read, write } = rig();
    assert.equal(write('IA32_TIME_STAMP_COUNTER', 5000n, 1000), true);
    assert.deepEqual(
      [read('IA32_TIME_STAMP_COUNTER', 1000), read('IA32_TSC_ADJUST')],
      [5000n, 4000n],
    );
    assert.equal(write('IA32_TSC_ADJUST', 100n), true);
    assert.equal(read('IA32_TIME_STAMP_COUNTER', 1000), 1100n);
    assert.equal(write('IA32_TSC_ADJUST', ones), true);
    assert.equal(read('IA32_TIME_STAMP_COUNTER', 1000), 999n);
  });
});

describe('reference TSC page (TLFS 12.6)', () => {
  it('gives the reference time that the MSR gives', () => {
    const { read, write, page } = rig();
    write('REFERENCE_TSC', 0x5001n);
    const view = new DataView(page(0x5000).buffer);
    const sequence = view.getUint32(0, true);
    assert(sequence !== 0 && sequence !== 0xffffffff);
    const [scale, offset] = [view.getBigUint64(8, true), view.getBigInt64(16, true)];
    assert.equal(scale, 0x028f5c28f5c28f5cn);
    const fromPage = (timeNs: number): bigint => ((BigInt(timeNs) * scale) >> 64n) + offset;
    for (const timeNs of [0, 99, 100, 12_345, 3_600_000_000_007, 2 ** 52 + 1]) {
      const counter = read('TIME_REF_COUNT', timeNs) ?? assert.fail('no counter');
      assert(fromPage(timeNs) <= counter && counter <= fromPage(timeNs + 1), `at ${timeNs} ns`);
    }
  });
});

describe('overlay pages (TLFS 5.2.1)', () => {
  const marked = 0x77;
  function marking({ partition }: Msrs, ...pages: number[]): void {
    for (const page of pages) partition.memory.write(page, new Uint8Array(4096).fill(marked));
  }

  for (const name of ['REFERENCE_TSC', 'VP_ASSIST_PAGE', 'HYPERCALL']) {
    it(`${name}: what is covered comes back when it moves and when it goes`, () => {
      const msrs = rig();
      const { write, page } = msrs;
      marking(msrs, 0x5000, 0x6000);
      write('GUEST_OS_ID', 1n);
      assert(write(name, 0x5001n));
      assert.notEqual(page(0x5000)[0], marked);
      assert(write(name, 0x6001n));
      assert.deepEqual([page(0x5000)[0], page(0x6000)[0] === marked], [marked, false]);
      assert(write(name, 0x6000n));
      assert.equal(page(0x6000)[0], marked);
    });
  }

  it('of two at one place one is seen, and the other when it goes', () => {
    const msrs = rig();
    const { write, page } = msrs;
    marking(msrs, 0x5000);
    write('GUEST_OS_ID', 1n);
    write('VP_ASSIST_PAGE', 0x5001n);
    write('REFERENCE_TSC', 0x5001n);
    assert.equal(page(0x5000)[0], 1, 'the sequence of the reference TSC page');
    write('HYPERCALL', 0x5001n);
    assert.deepEqual([...page(0x5000).subarray(0, 3)], [0x0f, 0x01, 0xc1]);
    write('HYPERCALL', 0x5000n);
    assert.equal(page(0x5000)[0], 1);
    write('REFERENCE_TSC', 0n);
    assert.equal(page(0x5000)[0], 0, 'the assist page is zero');
    write('VP_ASSIST_PAGE', 0n);
    assert.equal(page(0x5000)[0], marked);
  });

  it('a page that is not RAM is taken and not there; the hypercall page raises #GP', () => {
    const { write, read, partition } = rig();
    write('GUEST_OS_ID', 1n);
    for (const gpa of [0xfee0_0001n, 0xffff_ffff_ffff_f001n]) {
      assert.deepEqual([write('REFERENCE_TSC', gpa), read('REFERENCE_TSC')], [true, gpa]);
      assert.deepEqual([write('HYPERCALL', gpa), read('HYPERCALL')], [false, 0n]);
    }
    assert.equal(partition.memory.read(0xfee0_0000, 1), undefined);
  });

  it('is the same after saving and restoring', () => {
    const msrs = rig();
    const { write, page, partition } = msrs;
    marking(msrs, 0x5000, 0x6000);
    write('GUEST_OS_ID', 1n);
    write('HYPERCALL', 0x5001n);
    write('REFERENCE_TSC', 0x5001n);
    write('VP_ASSIST_PAGE', 0x6001n);
    write('TSC_INVARIANT_CONTROL', 1n);
    write('CRASH_P2', 77n);
    const registers = savePartition(partition);
    const memory = partition.memory.save();
    for (const name of ['HYPERCALL', 'REFERENCE_TSC', 'VP_ASSIST_PAGE']) write(name, 0x7001n);
    write('CRASH_P2', 0n);
    assert(partition.memory.restore(memory));
    restorePartition(partition, new StateRecord(registers, 'partition'));
    assert.deepEqual(savePartition(partition), registers);
    assert.deepEqual([...page(0x5000).subarray(0, 3)], [0x0f, 0x01, 0xc1]);
    assert(write('HYPERCALL', 0n) && write('VP_ASSIST_PAGE', 0n));
    assert.deepEqual([page(0x5000)[0], page(0x6000)[0]], [1, marked]);
    assert(write('REFERENCE_TSC', 0n));
    assert.equal(page(0x5000)[0], marked);
  });
});
