/** Interrupts through the whole machine: timers, IPIs, start-up, windows, halts, with real code on several processors. */
import assert from 'node:assert/strict';
import { ExitReasonNumber } from '../../../debug-adapter/spec/x86/exit-reasons';
import { ApicRegister as Apic } from '../../../debug-adapter/spec/x86/local-apic';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import {
  code,
  counterOf,
  interruptMachine,
  startUpVector,
  variable,
  type InterruptGuest,
} from '../../support/interrupt-guest';

const enable = code.writeApic(Apic.SVR, 0x1ff);
const vector = 0x40;
const flags = { result: 0xd000, started: 0x500, woken: 0x510 };

function runToEnd(machine: PhysicalMachine, maxSteps = 2_000_000): number {
  const { stop } = machine.run({ maxSteps });
  assert(stop.kind === 'guest-exit', `stopped by ${stop.kind} at ${machine.position}`);
  return stop.code >>> 1;
}

function exitsOf(machine: PhysicalMachine, reason: number): number {
  return machine.trace.exits
    .query(0, machine.trace.exits.recorded)
    .filter((exit) => exit.reason === reason).length;
}

const oneShot = (count: number): string =>
  enable +
  code.writeApic(Apic.TIMER_DIVIDE, 0xb) +
  code.writeApic(Apic.LVT_TIMER, vector) +
  code.writeApic(Apic.TIMER_INITIAL_COUNT, count);

describe('local APIC timer', () => {
  it('wakes a halted processor at its moment', () => {
    const machine = interruptMachine({
      boot: oneShot(1_000_000) + code.sti + code.haltUntil(counterOf(vector), 1) + code.exit(7),
    });
    assert.equal(runToEnd(machine), 7);
    assert.equal(variable(machine, counterOf(vector)), 1);
    assert(machine.timeNs > 1_000_000 && machine.timeNs < 1_100_000, `${machine.timeNs}`);
    assert(machine.position < 200, `an idle jump is one step: ${machine.position}`);
  });

  it('goes on in periodic mode', () => {
    const machine = interruptMachine({
      boot:
        enable +
        code.writeApic(Apic.TIMER_DIVIDE, 0xb) +
        code.writeApic(Apic.LVT_TIMER, vector | 0x20000) +
        code.writeApic(Apic.TIMER_INITIAL_COUNT, 100_000) +
        code.sti +
        code.haltUntil(counterOf(vector), 10) +
        code.exit(0),
    });
    assert.equal(runToEnd(machine), 0);
    assert(machine.timeNs > 1_000_000 && machine.timeNs < 1_100_000, `${machine.timeNs}`);
  });

  it('fires at a value of the time-stamp counter', () => {
    const machine = interruptMachine({
      boot:
        enable +
        code.writeApic(Apic.LVT_TIMER, vector | 0x40000) +
        code.writeMsr(0x6e0, 3_000_000n) +
        code.sti +
        code.haltUntil(counterOf(vector), 1) +
        code.readMsr(0x6e0) +
        code.storeEax(flags.result) +
        code.exit(0),
    });
    runToEnd(machine);
    assert(machine.timeNs > 3_000_000 && machine.timeNs < 3_100_000, `${machine.timeNs}`);
    assert.equal(variable(machine, flags.result), 0);
  });

  it('interrupts a processor that runs, translated code included', () => {
    for (const hotCount of [0, 1]) {
      const machine = interruptMachine(
        { boot: oneShot(200_000) + code.sti + code.waitFor(counterOf(vector), 1) + code.exit(0) },
        hotCount,
      );
      runToEnd(machine);
      assert(machine.timeNs > 200_000 && machine.timeNs < 300_000, `${machine.timeNs}`);
    }
  });

  it('a masked timer counts and does not interrupt', () => {
    const machine = interruptMachine({
      boot:
        oneShot(50_000) + code.writeApic(Apic.LVT_TIMER, vector | 0x10000) + code.sti + code.hlt,
    });
    assert.equal(machine.run({ maxSteps: 1_000_000 }).stop.kind, 'halted');
    assert.equal(variable(machine, counterOf(vector)), 0);
  });
});

describe('interrupt window', () => {
  const spin = (count: number): string => Array.from({ length: count }, () => code.nop).join(' ');

  it('an interrupt that is requested under CLI waits for STI and the instruction behind it', () => {
    const machine = interruptMachine({
      boot:
        oneShot(20_000) +
        code.count(50_000) +
        code.sti +
        code.increment(flags.result) +
        code.increment(flags.result) +
        code.exit(0),
      handlers: new Map([
        [
          vector,
          `50 ${code.loadEax(flags.result)} ${code.storeEax(flags.started)} ${code.writeApic(Apic.EOI, 0)} 58 48 cf`,
        ],
      ]),
    });
    runToEnd(machine);
    assert.equal(exitsOf(machine, ExitReasonNumber.INTERRUPT_WINDOW), 1);
    assert.equal(variable(machine, flags.started), 1, 'delivered behind one instruction');
    assert.equal(variable(machine, flags.result), 2);
  });

  it('POPF and IRET open it too, in translated code as well', () => {
    for (const hotCount of [0, 1]) {
      const machine = interruptMachine(
        {
          boot:
            oneShot(20_000) +
            code.count(50_000) +
            `9c 81 0c 24 00020000 9d` +
            spin(3) +
            code.exit(0),
        },
        hotCount,
      );
      runToEnd(machine);
      assert.equal(variable(machine, counterOf(vector)), 1);
      assert.equal(exitsOf(machine, ExitReasonNumber.INTERRUPT_WINDOW), 1);
    }
  });

  it('HLT in the shadow of STI takes what is pending at once', () => {
    const machine = interruptMachine({
      boot: oneShot(20_000) + code.count(50_000) + code.sti + code.hlt + code.exit(0),
    });
    runToEnd(machine);
    assert.equal(variable(machine, counterOf(vector)), 1);
  });

  it('a processor that halts with interrupts off stays halted', () => {
    const machine = interruptMachine({ boot: oneShot(20_000) + code.hlt + code.exit(0) });
    assert.equal(machine.run({ maxSteps: 1_000_000 }).stop.kind, 'halted');
  });

  it('CR8 holds a vector back until it is lowered', () => {
    const machine = interruptMachine({
      boot:
        `b8 0f000000 44 0f 22 c0` +
        oneShot(20_000) +
        code.sti +
        code.count(50_000) +
        code.loadEax(counterOf(vector)) +
        code.storeEax(flags.result) +
        `31 c0 44 0f 22 c0` +
        spin(3) +
        code.exit(0),
    });
    runToEnd(machine);
    assert.equal(variable(machine, flags.result), 0);
    assert.equal(variable(machine, counterOf(vector)), 1);
    assert.equal(exitsOf(machine, ExitReasonNumber.CR_ACCESS), 1);
  });
});

const incrementStarted = 'f0 ff 06 0005 f4 eb fd';
const startOthers = (count: number): string =>
  enable +
  code.writeApic(Apic.ICR_LOW, 0xc4500) +
  code.writeApic(Apic.ICR_LOW, 0xc4600 | startUpVector) +
  code.waitFor(flags.started, count - 1);

describe('several processors', () => {
  // F0 FF 06 is a 16-bit increment in real mode, which is enough to count.
  it('INIT and start-up IPIs start 2, 4 and 64', () => {
    for (const processorCount of [2, 4, 64]) {
      const machine = interruptMachine({
        boot: startOthers(processorCount) + code.exit(3),
        startUp: incrementStarted,
        processorCount,
      });
      assert.equal(runToEnd(machine), 3);
    }
  });

  it('a start-up IPI to a running processor is dropped', () => {
    const machine = interruptMachine({
      boot: startOthers(2) + code.writeApic(Apic.ICR_LOW, 0xc4600 | startUpVector) + code.exit(0),
      startUp: 'f0 ff 06 0005 eb fe',
      processorCount: 2,
    });
    runToEnd(machine);
    assert.equal(variable(machine, flags.started), 1);
  });

  it('an IPI to oneself and a broadcast reach their targets', () => {
    const machine = interruptMachine({
      boot:
        enable +
        code.sti +
        code.writeApic(Apic.ICR_LOW, 0x40000 | vector) +
        code.waitFor(counterOf(vector), 1) +
        code.writeApic(Apic.ICR_HIGH, 0) +
        code.writeApic(Apic.ICR_LOW, 0x4000 | 0x41) +
        code.waitFor(counterOf(0x41), 1) +
        code.exit(0),
    });
    runToEnd(machine);
  });

  it('an NMI wakes a halted processor with interrupts off', () => {
    const realModeHandler = 0x2000_0040;
    const machine = interruptMachine({
      boot:
        code.store(8, realModeHandler) +
        startOthers(2) +
        code.count(1_000) +
        code.writeApic(Apic.ICR_LOW, 0xc4400) +
        code.waitFor(flags.woken, 1) +
        code.exit(0),
      startUp: 'faf0ff060005f4ff061005ebfe'.padEnd(0x40 * 2, '90') + 'cf',
      processorCount: 2,
    });
    runToEnd(machine);
  });
});

describe('states with interrupts', () => {
  const busy: InterruptGuest = {
    boot:
      startOthers(4) +
      code.writeApic(Apic.TIMER_DIVIDE, 0xb) +
      code.writeApic(Apic.LVT_TIMER, vector | 0x20000) +
      code.writeApic(Apic.TIMER_INITIAL_COUNT, 30_000) +
      code.sti +
      code.haltUntil(counterOf(vector), 40) +
      code.exit(0),
    // Counts for ever in 16-bit code.
    startUp: 'f0 ff 06 0005 ff 06 1005 0f 31 a3 1405 eb f5',
    processorCount: 4,
  };

  it('do not depend on how a run is cut, who watches, how far time may go, or a restore', () => {
    const target = 300_000;
    const whole = interruptMachine(busy);
    whole.run({ maxSteps: target });
    const expected = whole.stateHash();
    for (const cut of [1_000, 777, 50_000]) {
      const machine = interruptMachine(busy);
      while (machine.position < target) {
        machine.run({ maxSteps: Math.min(cut, target - machine.position) });
      }
      assert.equal(machine.stateHash(), expected, `cut ${cut}`);
    }
    const paced = interruptMachine(busy);
    for (let moment = 0; paced.position < target; moment += 12_345) {
      paced.run({ maxSteps: target - paced.position, maxTimeNs: moment });
    }
    assert.equal(paced.stateHash(), expected, 'paced');
    const watched = interruptMachine(busy);
    while (watched.position < target) {
      const maxSteps = target - watched.position;
      watched.run({ maxSteps, stopAtExit: () => true, stopAtEvent: () => true });
    }
    assert.equal(watched.stateHash(), expected, 'watched');
    const restored = interruptMachine(busy);
    const source = interruptMachine(busy);
    source.run({ maxSteps: 123_456 });
    restored.restore(source.save());
    restored.run({ maxSteps: target - restored.position });
    assert.equal(restored.stateHash(), expected, 'restored');
  }).timeout(120_000);

  it('one step at a time gives the same state', () => {
    const guest = {
      boot: oneShot(2_000) + code.sti + code.waitFor(counterOf(vector), 1) + code.hlt,
    };
    const whole = interruptMachine(guest);
    whole.run({ maxSteps: 3_000 });
    const single = interruptMachine(guest);
    while (single.position < whole.position) single.run({ maxSteps: 1 });
    assert.equal(single.stateHash(), whole.stateHash());
  });
});
