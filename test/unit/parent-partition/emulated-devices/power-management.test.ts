// ACPI power management: the PM timer against exact arithmetic, events, and turning off.
import assert from 'node:assert/strict';
import { TimerQueue } from '../../../../debug-adapter/machine/timer-queue';
import { PowerManagement } from '../../../../debug-adapter/parent-partition/emulated-devices/power-management';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

class Rig {
  nowNs = 0;
  interrupt = false;
  readonly log: string[] = [];
  readonly queue = new TimerQueue();
  readonly chip = new PowerManagement({
    timers: this.queue,
    nowNs: () => this.nowNs,
    interrupt: { set: (level) => (this.interrupt = level) },
    turnOff: () => this.log.push('off'),
    resetMachine: () => this.log.push('reset'),
  });

  read(offset: number, sizeBytes = 2): number {
    return this.chip.ports.readPort(offset, sizeBytes);
  }

  write(offset: number, value: number, sizeBytes = 2): void {
    this.chip.ports.writePort(offset, sizeBytes, value);
  }

  advanceTo(ns: number): void {
    for (let next = this.queue.nextDueNs; next <= ns; next = this.queue.nextDueNs) {
      this.nowNs = next;
      this.queue.runDue(next);
    }
    this.nowNs = ns;
  }
}

describe('ACPI power management', () => {
  it('counts 3,579,545 ticks a second, in 32 bits, exactly', () => {
    const seed = seedOf(6);
    const random = new SeededRandom(seed);
    const rig = new Rig();
    for (let round = 0; round < 1000; round++) {
      rig.nowNs = random.below(2 ** 31) * (1 + random.below(4096));
      const expected = ((BigInt(rig.nowNs) * 3_579_545n) / 1_000_000_000n) % 2n ** 32n;
      assert.equal(BigInt(rig.read(8, 4)), expected, `seed ${seed}: ${rig.nowNs} ns`);
      assert.equal(rig.read(8, 1), Number(expected & 0xffn));
      assert.equal(rig.read(10, 2), Number(expected >> 16n));
    }
  });

  it('is in ACPI mode from the start, and the guest cannot leave it', () => {
    const rig = new Rig();
    assert.equal(rig.read(4), 1);
    rig.write(4, 0);
    assert.equal(rig.read(4), 1);
  });

  it('turns off for the sleep type of _S5, and for no other', () => {
    const rig = new Rig();
    rig.write(4, 0x2000 | (5 << 10));
    assert.deepEqual(rig.log, []);
    rig.write(4, 0x0000);
    rig.write(4, 0x2000);
    assert.deepEqual(rig.log, ['off']);
    assert.equal(rig.read(4), 1, 'SLP_EN reads 0');
  });

  it('resets by its reset register', () => {
    const rig = new Rig();
    rig.write(0x33, 0, 1);
    assert.deepEqual(rig.log, []);
    rig.write(0x33, 1, 1);
    assert.deepEqual(rig.log, ['reset']);
  });

  it('interrupts for the power button until its status is cleared', () => {
    const rig = new Rig();
    rig.write(2, 0xffff);
    assert.equal(rig.read(2), 0x0521, 'events that exist');
    rig.chip.pressPowerButton();
    assert.equal(rig.interrupt, true);
    assert.equal(rig.read(0), 0x0100);
    rig.write(0, 0x0100);
    assert.equal(rig.interrupt, false);
    assert.equal(rig.read(0), 0);
  });

  it('reports that the timer’s top bit has turned over, by interrupt where enabled', () => {
    const half = Math.ceil((2 ** 31 / 3_579_545) * 1e9);
    const rig = new Rig();
    rig.nowNs = half;
    assert.equal(rig.read(0), 1);
    rig.write(0, 1);
    assert.equal(rig.read(0), 0);
    rig.write(2, 1);
    rig.advanceTo(2 * half - 10);
    assert.equal(rig.interrupt, false);
    rig.advanceTo(2 * half);
    assert.equal(rig.interrupt, true);
  });

  it('keeps the enables of general-purpose events, and has none to report', () => {
    const rig = new Rig();
    rig.write(0x0e, 0xffff);
    assert.equal(rig.read(0x0e), 0x0f01);
    assert.equal(rig.read(0x0c), 0);
  });
});
