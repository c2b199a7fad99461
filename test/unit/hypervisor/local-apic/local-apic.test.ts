/** Priorities, EOI, the timer, destinations and saved state of the local APIC (SDM vol. 3, chapter 11). */
import assert from 'node:assert/strict';
import { isDestination } from '../../../../debug-adapter/hypervisor/local-apic/destination';
import { VectorSet } from '../../../../debug-adapter/hypervisor/local-apic/vector-set';
import {
  readPage,
  writePage,
} from '../../../../debug-adapter/hypervisor/local-apic/register-access';
import { ApicRegister as R, divisorOf } from '../../../../debug-adapter/spec/x86/local-apic';
import { decodeStateTree, encodeStateTree } from '../../../../debug-adapter/support/state-tree';
import { StateRecord } from '../../../../debug-adapter/support/state-record';
import { SeededRandom } from '../../../support/seeded-random';
import { apicRig, enabledApic, x2Apic } from './apic-rig';

describe('vector set', () => {
  it('agrees with a plain set', () => {
    const seed = 0x5eed;
    const random = new SeededRandom(seed);
    const set = new VectorSet();
    const model = new Set<number>();
    for (let round = 0; round < 2000; round++) {
      const vector = 1 + random.below(255);
      if (random.chance(50)) {
        set.add(vector);
        model.add(vector);
      } else {
        set.delete(vector);
        model.delete(vector);
      }
      assert.equal(set.highest, Math.max(0, ...model), `seed ${seed}, round ${round}`);
      assert.equal(set.has(vector), model.has(vector));
    }
  });
});

describe('priority', () => {
  // TPR, vectors in service, requested vectors: PPR and what is delivered.
  const rows: readonly (readonly [number, readonly number[], readonly number[], number, number])[] =
    [
      [0x00, [], [0x31], 0x00, 0x31],
      [0x00, [], [0x31, 0x32, 0xf0], 0x00, 0xf0],
      [0x30, [], [0x3f], 0x30, 0],
      [0x2f, [], [0x30], 0x2f, 0x30],
      [0x00, [0x51], [0x5f], 0x50, 0],
      [0x00, [0x51], [0x60], 0x50, 0x60],
      [0x45, [0x51], [0x60], 0x50, 0x60],
      [0x55, [0x51], [0x60], 0x55, 0x60],
      [0xff, [], [0xff], 0xff, 0],
      [0x10, [], [0x10], 0x10, 0],
      [0x0f, [], [0x10], 0x0f, 0x10],
    ];
  for (const [tpr, service, requested, ppr, delivered] of rows) {
    it(`TPR ${tpr}, in service ${service.join()}, requested ${requested.join()}`, () => {
      const { apic } = enabledApic();
      apic.taskPriority = tpr;
      for (const vector of service) apic.inService.add(vector);
      for (const vector of requested) apic.request(vector);
      assert.deepEqual([apic.processorPriority, apic.deliverable], [ppr, delivered]);
    });
  }

  it('taking and ending interrupts nests by priority', () => {
    const { apic } = enabledApic();
    for (const vector of [0x41, 0x62]) apic.request(vector);
    assert.equal(apic.acknowledge(), 0x62);
    assert.equal(apic.deliverable, 0);
    apic.request(0x73);
    assert.equal(apic.acknowledge(), 0x73);
    assert.equal(readPage(apic, R.ISR + 0x30, 0), 0x0008_0004);
    apic.endOfInterrupt();
    assert.equal(apic.deliverable, 0);
    apic.endOfInterrupt();
    assert.equal(apic.acknowledge(), 0x41);
    apic.endOfInterrupt();
    apic.endOfInterrupt();
    assert.equal(apic.processorPriority, 0);
  });

  it('only the end of a level-triggered interrupt is broadcast', () => {
    const { apic, ended } = enabledApic();
    apic.request(0x40, true);
    apic.acknowledge();
    apic.request(0x51);
    apic.acknowledge();
    apic.endOfInterrupt();
    assert.deepEqual(ended, []);
    apic.endOfInterrupt();
    assert.deepEqual(ended, [0x40]);
    apic.request(0x40);
    apic.acknowledge();
    apic.endOfInterrupt();
    assert.deepEqual(ended, [0x40], 'an edge clears the TMR bit');
  });

  it('a disabled APIC drops fixed interrupts, and an illegal vector is an error', () => {
    const { apic } = apicRig();
    apic.request(0x40);
    assert.equal(apic.requested.highest, 0);
    const { apic: enabled } = enabledApic();
    writePage(enabled, R.LVT_ERROR, 0xfe, 0);
    enabled.request(15);
    writePage(enabled, R.ESR, 0, 0);
    assert.deepEqual([readPage(enabled, R.ESR, 0), enabled.deliverable], [0x40, 0xfe]);
  });
});

describe('timer', () => {
  for (const [configuration, divisor] of [
    [0b0000, 2],
    [0b0001, 4],
    [0b0010, 8],
    [0b0011, 16],
    [0b1000, 32],
    [0b1001, 64],
    [0b1010, 128],
    [0b1011, 1],
  ] as const) {
    it(`divide ${configuration.toString(2)} is by ${divisor}`, () => {
      assert.equal(divisorOf(configuration), divisor);
      const { apic, timers } = enabledApic();
      writePage(apic, R.TIMER_DIVIDE, configuration, 0);
      writePage(apic, R.TIMER_INITIAL_COUNT, 1000, 500);
      assert.equal(timers.nextDueNs, 500 + 1000 * divisor);
      assert.equal(readPage(apic, R.TIMER_CURRENT_COUNT, 500 + 10 * divisor), 990);
    });
  }

  it('one-shot: counts to 0 and stays there', () => {
    const { apic, timers } = enabledApic();
    writePage(apic, R.LVT_TIMER, 0x40, 0);
    writePage(apic, R.TIMER_INITIAL_COUNT, 100, 0);
    timers.runDue(200);
    assert.deepEqual([apic.deliverable, timers.nextDueNs], [0x40, Infinity]);
    assert.equal(readPage(apic, R.TIMER_CURRENT_COUNT, 300), 0);
    assert.equal(readPage(apic, R.TIMER_INITIAL_COUNT, 300), 100);
  });

  it('periodic: begins again; a period that no host could follow is stretched', () => {
    const { apic, timers } = enabledApic();
    writePage(apic, R.LVT_TIMER, 0x20040, 0);
    writePage(apic, R.TIMER_INITIAL_COUNT, 50_000, 0);
    timers.runDue(100_000);
    assert.equal(timers.nextDueNs, 200_000);
    writePage(apic, R.TIMER_INITIAL_COUNT, 1, 200_000);
    timers.runDue(200_002);
    assert.equal(timers.nextDueNs, 210_002);
  });

  it('count 0 stops it; a new divisor applies to what is left', () => {
    const { apic, timers } = enabledApic();
    writePage(apic, R.TIMER_INITIAL_COUNT, 1000, 0);
    writePage(apic, R.TIMER_DIVIDE, 0b1011, 1000);
    assert.equal(timers.nextDueNs, 1000 + 500);
    writePage(apic, R.TIMER_INITIAL_COUNT, 0, 1000);
    assert.equal(timers.nextDueNs, Infinity);
  });

  it('TSC-deadline: at the value, at once where it has passed, never where it is 0', () => {
    const { apic, timers } = enabledApic();
    writePage(apic, R.LVT_TIMER, 0x40040, 0);
    writePage(apic, R.TIMER_INITIAL_COUNT, 77, 0);
    assert.equal(timers.nextDueNs, Infinity, 'counts mean nothing');
    apic.timer.setDeadline(10_500n, 500n, 3_000);
    assert.equal(timers.nextDueNs, 3_500);
    apic.timer.setDeadline(9_000n, -1_000n, 3_000);
    assert.equal(timers.nextDueNs, 3_000);
    timers.runDue(3_000);
    assert.deepEqual([apic.deliverable, apic.timer.deadline], [0x40, 0n]);
    apic.timer.setDeadline((1n << 64n) - 1n, (1n << 64n) - 1n, 0);
    assert.equal(timers.nextDueNs, Infinity);
    apic.timer.setDeadline(5n, 5n, 0);
    apic.timer.setDeadline(0n, 0n, 0);
    assert.equal(timers.nextDueNs, Infinity);
  });

  it('a change to or from TSC-deadline mode disarms', () => {
    const { apic, timers } = enabledApic();
    writePage(apic, R.TIMER_INITIAL_COUNT, 1000, 0);
    writePage(apic, R.LVT_TIMER, 0x40040, 0);
    assert.equal(timers.nextDueNs, Infinity);
    apic.timer.setDeadline(500n, 500n, 0);
    writePage(apic, R.LVT_TIMER, 0x00040, 0);
    assert.equal(timers.nextDueNs, Infinity);
  });
});

describe('destinations', () => {
  // id, LDR, DFR, destination, logical, whether it is meant.
  const xApic: readonly (readonly [number, number, number, number, boolean, boolean])[] = [
    [3, 0, 0xffffffff, 3, false, true],
    [3, 0, 0xffffffff, 2, false, false],
    [3, 0, 0xffffffff, 0xff, false, true],
    [3, 0x08000000, 0xffffffff, 0x18, true, true],
    [3, 0x08000000, 0xffffffff, 0x17, true, false],
    [3, 0x08000000, 0xffffffff, 0xff, true, true],
    [3, 0, 0xffffffff, 0xff, true, true],
    [3, 0x24000000, 0x0fffffff, 0x2c, true, true],
    [3, 0x24000000, 0x0fffffff, 0x1c, true, false],
    [3, 0x24000000, 0x0fffffff, 0x2b, true, false],
    [3, 0x24000000, 0x0fffffff, 0xff, true, true],
  ];
  for (const [id, ldr, dfr, destination, isLogical, expected] of xApic) {
    const how = isLogical ? 'logical' : 'physical';
    it(`xAPIC ${id}, LDR ${ldr.toString(16)}, DFR ${dfr.toString(16)}: ${how} ${destination}`, () => {
      const { apic } = enabledApic(id);
      apic.logicalDestination = ldr;
      apic.destinationFormat = dfr;
      assert.equal(isDestination(apic, destination, isLogical), expected);
    });
  }

  const x2: readonly (readonly [number, number, boolean, boolean])[] = [
    [0x25, 0x25, false, true],
    [0x25, 0xffffffff, false, true],
    [0x25, 0x2_0020, true, true],
    [0x25, 0x2_0011, true, false],
    [0x25, 0x1_0020, true, false],
    [0x25, 0xffffffff, true, true],
    [2, 0x04, true, true],
  ];
  for (const [id, destination, isLogical, expected] of x2) {
    it(`x2APIC ${id}: ${isLogical ? 'logical' : 'physical'} ${destination.toString(16)}`, () => {
      assert.equal(isDestination(x2Apic(id).apic, destination, isLogical), expected);
    });
  }
});

describe('LINT0', () => {
  it('lets the 8259 through in ExtINT mode, and where the APIC is disabled', () => {
    const { apic } = enabledApic();
    apic.setLint0(true);
    assert.equal(apic.isExternalInterruptPending, false);
    writePage(apic, R.LVT_LINT0, 0x700, 0);
    assert.equal(apic.isExternalInterruptPending, true);
    writePage(apic, R.LVT_LINT0, 0x10700, 0);
    assert.equal(apic.isExternalInterruptPending, false);
    apic.base = 0xfee00100n;
    assert.equal(apic.isExternalInterruptPending, true);
  });

  it('is an edge of a vector in fixed mode, and an NMI in NMI mode', () => {
    const { apic } = enabledApic();
    writePage(apic, R.LVT_LINT0, 0x31, 0);
    apic.setLint0(true);
    apic.setLint0(true);
    assert.equal(apic.acknowledge(), 0x31);
    assert.equal(apic.requested.highest, 0);
    apic.setLint0(false);
    writePage(apic, R.LVT_LINT0, 0x400, 0);
    apic.setLint0(true);
    assert.equal(apic.isNmiPending, true);
  });
});

describe('saved state of the local APIC', () => {
  it('every register of it comes back', () => {
    const { apic, timers, state } = enabledApic(1);
    const writes: readonly (readonly [number, number])[] = [
      [R.LDR, 0x02000000],
      [R.DFR, 0x0fffffff],
      [R.TPR, 0x37],
      [R.LVT_TIMER, 0x20040],
      [R.LVT_ERROR, 0xfe],
      [R.TIMER_DIVIDE, 3],
      [R.TIMER_INITIAL_COUNT, 12345],
      [R.ICR_HIGH, 0x02000000],
      [R.ICR_LOW, 0x4051],
      [R.ESR, 0],
    ];
    readPage(apic, 0x3d0, 0);
    for (const [register, value] of writes) writePage(apic, register, value, 0);
    apic.request(0x40, true);
    apic.request(0xa1);
    apic.acknowledge();
    apic.signalNmi();
    apic.signalInit();
    apic.signalStartUp(0x9a);
    apic.setLint0(true);
    const saved = encodeStateTree(apic.save());
    const other = enabledApic(1);
    other.state.architecturalBytes.set(state.architecturalBytes);
    other.apic.restore(new StateRecord(decodeStateTree(saved), 'apic'));
    assert.deepEqual(encodeStateTree(other.apic.save()), saved);
    assert.equal(timers.nextDueNs, 12345 * 16);
  });
});
