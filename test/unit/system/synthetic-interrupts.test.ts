/** Synthetic timers, guest idle, cluster IPIs and the reset register through the whole machine, with real code. */
import assert from 'node:assert/strict';
import { ApicRegister as Apic } from '../../../debug-adapter/spec/x86/local-apic';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import {
  code,
  counterOf,
  interruptMachine,
  variable,
  type InterruptGuest,
} from '../../support/interrupt-guest';

const enable = code.writeApic(Apic.SVR, 0x1ff);
const vector = 0x40;
const msr = { reset: 0x40000003, config: 0x400000b0, count: 0x400000b1, idle: 0x400000f0 };
/** Enabled, enabling itself, direct mode. */
const oneShot = 0x1009n | (BigInt(vector) << 4n);
const periodic = oneShot | 2n;

const timer = (config: bigint, count: bigint): string =>
  enable + code.writeMsr(msr.config, config) + code.writeMsr(msr.count, count);

/** One-shot at 2 ms of reference time, then a period of 100 µs until ten more. */
const ticking: InterruptGuest = {
  boot:
    timer(oneShot, 20_000n) +
    code.sti +
    code.haltUntil(counterOf(vector), 1) +
    timer(periodic, 1_000n) +
    code.haltUntil(counterOf(vector), 11) +
    code.exit(3),
};

function runToEnd(machine: PhysicalMachine, slice: number): number {
  for (let calls = 0; calls < 1_000_000; calls++) {
    const { stop } = machine.run({ maxSteps: slice });
    if (stop.kind === 'guest-exit') return stop.code >>> 1;
    assert.equal(stop.kind, 'budget');
  }
  assert.fail('the guest does not end');
}

describe('synthetic timers of a running guest', () => {
  it('expire at the reference time, and then with their period', () => {
    const machine = interruptMachine(ticking);
    assert.equal(runToEnd(machine, 100_000), 3);
    assert.equal(variable(machine, counterOf(vector)), 11);
    assert(machine.timeNs > 3_000_000 && machine.timeNs < 3_200_000, `${machine.timeNs}`);
  });

  it('the run is the same in slices, and after saving and restoring in its middle', () => {
    const whole = interruptMachine(ticking);
    runToEnd(whole, 1_000_000);
    for (const slice of [1, 7, 50]) {
      const sliced = interruptMachine(ticking);
      runToEnd(sliced, slice);
      assert.equal(sliced.stateHash(), whole.stateHash(), `slices of ${slice}`);
    }
    for (const position of [20, 60, 150]) {
      const first = interruptMachine(ticking);
      first.run({ maxSteps: position });
      const second = interruptMachine(ticking);
      second.restore(first.save());
      assert.equal(second.stateHash(), first.stateHash());
      runToEnd(second, 1000);
      assert.equal(second.stateHash(), whole.stateHash(), `restored at ${position}`);
    }
  });
});

describe('HV_X64_MSR_GUEST_IDLE', () => {
  it('waits for an interrupt although it is not taken yet', () => {
    const machine = interruptMachine({
      boot:
        timer(oneShot, 20_000n) +
        code.cli +
        code.readMsr(msr.idle) +
        code.loadEax(counterOf(vector)) +
        code.storeEax(0xd000) +
        code.sti +
        code.waitFor(counterOf(vector), 1) +
        code.exit(5),
    });
    assert.equal(runToEnd(machine, 100_000), 5);
    assert.equal(variable(machine, 0xd000), 0, 'not taken while interrupts are off');
    assert(machine.timeNs > 2_000_000 && machine.timeNs < 2_100_000, `${machine.timeNs}`);
  });

  it('does not wait where one is pending', () => {
    const machine = interruptMachine({
      boot:
        enable +
        code.cli +
        code.writeMsr(0x40000071, 0x40040n) +
        code.readMsr(msr.idle) +
        code.exit(6),
    });
    assert.equal(runToEnd(machine, 100_000), 6);
    assert(machine.timeNs < 100_000, `${machine.timeNs}`);
  });

  it('a saved idle processor is still woken', () => {
    const guest: InterruptGuest = {
      boot: timer(oneShot, 20_000n) + code.cli + code.readMsr(msr.idle) + code.exit(7),
    };
    const first = interruptMachine(guest);
    while (first.guests[0]?.processors[0]?.isGuestIdle !== true) first.run({ maxSteps: 1 });
    const second = interruptMachine(guest);
    second.restore(first.save());
    assert.deepEqual([runToEnd(second, 1000), runToEnd(first, 1000)], [7, 7]);
    assert.equal(second.stateHash(), first.stateHash());
  });
});

describe('HV_X64_MSR_RESET', () => {
  it('resets the partition where bit 0 is written', () => {
    const machine = interruptMachine({
      boot: code.writeMsr(msr.reset, 0n) + code.writeMsr(msr.reset, 1n) + code.exit(1),
    });
    assert.equal(machine.run({ maxSteps: 1000 }).stop.kind, 'guest-restart');
  });
});
