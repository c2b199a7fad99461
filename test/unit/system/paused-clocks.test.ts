// The clocks of a paused guest stand still: whatever it reads, it goes on as if it had never been paused.
import assert from 'node:assert/strict';
import { nodePorts } from '../../../debug-adapter/host/node-ports';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import { ApicRegister as Apic } from '../../../debug-adapter/spec/x86/local-apic';
import { preemptionTimerRate } from '../../../debug-adapter/spec/x86/vmx-controls';
import type { GuestConfiguration } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { Timeline } from '../../../debug-adapter/timeline/timeline';
import { code, counterOf, interruptGuest, startUpVector } from '../../support/interrupt-guest';
import { littleEndian, machineCode } from '../../support/machine-code';
import { NotedPast } from '../../support/noted-past';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const seed = seedOf(1_604);
const [guest, spinner] = [2, 3];
const sum = 0x600;
const vector = 0x40;
/** Time for which the guest is paused: its clocks would show it. */
const pauseNs = 30_000_000;

/** Adds EAX to a sum `count` times, after `read` has set it; EDI counts. */
function sumOf(read: string, count = 300): string {
  const body = `${read} 01 04 25 ${littleEndian(sum, 4)} ff cf 0f 85`;
  const back = -(machineCode(body).length + 4);
  return `bf ${littleEndian(count, 4)} ${body} ${littleEndian(back, 4)} ${code.exit(3)}`;
}

const identify = code.writeMsr(0x40000000, 1n);
const enableApic = code.writeApic(Apic.SVR, 0x1ff) + code.writeApic(Apic.TIMER_DIVIDE, 0xb);
const readTsc = '0f 31';
/** Halts for `count` interrupts; at each of them the handler adds the time-stamp counter to the sum. */
const takes = (count: number): string =>
  code.sti + code.haltUntil(counterOf(vector), count) + code.exit(3);
const handlers = new Map([
  [
    vector,
    `50 52 ${code.increment(counterOf(vector))} ${readTsc} 01 04 25 ${littleEndian(sum, 4)} ${code.writeApic(0xb0, 0)} 5a 58 48 cf`,
  ],
]);
const everyMicroseconds = (count: number): bigint => BigInt(count * 10);

interface Clock {
  readonly boot: string;
  readonly startUp?: string;
  readonly processorCount?: number;
}

const clocks: Readonly<Record<string, Clock>> = {
  'the time-stamp counter': { boot: sumOf(readTsc) },
  'the reference counter': { boot: identify + sumOf(code.readMsr(0x40000020)) },
  'the reference TSC page': {
    // rdtsc; shl rdx, 32; or rax, rdx; mul qword [scale]; mov eax, edx
    boot:
      identify +
      code.writeMsr(0x40000021, 0x90001n) +
      sumOf(`${readTsc} 48 c1 e2 20 48 09 d0 48 f7 24 25 08000900 89 d0`),
  },
  'the count of the APIC timer': {
    boot:
      enableApic +
      code.writeApic(Apic.TIMER_INITIAL_COUNT, 90_000) +
      sumOf(code.readApic(Apic.TIMER_CURRENT_COUNT)),
  },
  'interrupts of the APIC timer': {
    boot:
      enableApic +
      code.writeApic(Apic.LVT_TIMER, vector | 0x20000) +
      code.writeApic(Apic.TIMER_INITIAL_COUNT, 7_000) +
      takes(200),
  },
  'a synthetic timer': {
    // Enabled, periodic, enables itself, interrupts directly.
    boot:
      identify +
      enableApic +
      code.writeMsr(0x400000b0, 0x100bn | (BigInt(vector) << 4n)) +
      code.writeMsr(0x400000b1, everyMicroseconds(9)) +
      takes(200),
  },
  'the interval timer': {
    // Counter 0 in mode 2; latch, low byte, high byte.
    boot: `b0 34 e6 43 b0 00 e6 40 e6 40 ${sumOf('b0 00 e6 43 e4 40 0f b6 d8 e4 40 0f b6 c0 c1 e0 08 09 d8')}`,
  },
  'the PM timer': { boot: sumOf('66 ba 0804 ed') },
  'the periodic flag of the CMOS clock': { boot: sumOf('b0 0c e6 70 e4 71 0f b6 c0') },
  'three processors, with an interrupt among them': {
    boot:
      enableApic +
      code.writeApic(Apic.ICR_LOW, 0xc4500) +
      code.writeApic(Apic.ICR_LOW, 0xc4600 | startUpVector) +
      code.writeApic(Apic.LVT_TIMER, vector | 0x20000) +
      code.writeApic(Apic.TIMER_INITIAL_COUNT, 7_000) +
      takes(60),
    // lock inc dword [0x500]; inc dword [0x510]; rdtsc; mov [0x514], eax
    startUp: 'f0 ff 06 0005 ff 06 1005 0f 31 66 a3 1405 eb ef',
    processorCount: 3,
  },
};

const spinning = (): GuestConfiguration =>
  interruptGuest({ boot: 'eb fe', options: { name: 'spins' } });

function machineOf(clock: Clock, logicalProcessors?: number): PhysicalMachine {
  const guests = [interruptGuest({ ...clock, handlers }), spinning()];
  const sharing = logicalProcessors === undefined ? {} : { logicalProcessors };
  return new PhysicalMachine(
    { guests, costs: defaultCosts, ...sharing },
    { codeHost: webAssemblyCodeHost, compressor: nodePorts.compressor },
  );
}

const retiredBy = (machine: PhysicalMachine, index: number): number =>
  machine.guests[index]?.processors.reduce((all, { retired }) => all + retired, 0) ?? 0;

function runTo(machine: PhysicalMachine, position: number): PhysicalMachine {
  while (machine.position < position) machine.run({ maxSteps: position - machine.position });
  return machine;
}

/** Pauses the guest for a while, in which the other one runs. */
function pause(machine: PhysicalMachine, between?: (paused: PhysicalMachine) => void): void {
  machine.accept({ kind: 'pause-partition', partition: guest });
  const before = [retiredBy(machine, 0), retiredBy(machine, 1)];
  const endNs = machine.timeNs + pauseNs;
  machine.run({ maxSteps: 1e9, maxTimeNs: endNs });
  between?.(machine);
  assert.equal(retiredBy(machine, 0), before[0], 'the guest rests');
  assert((retiredBy(machine, 1) - (before[1] ?? 0)) * 2 > pauseNs, 'the other goes on');
  machine.accept({ kind: 'resume-partition', partition: guest });
}

/** @returns the guest's hash at its end, and its position */
function endOf(machine: PhysicalMachine): { readonly hash: string; readonly position: number } {
  for (let turn = 0; turn < 400; turn++) {
    const { stop } = machine.run({ maxSteps: 100_000 });
    if (stop.kind !== 'guest-exit') continue;
    assert.equal(stop.at.partition, guest);
    return { hash: machine.guestHash(guest), position: machine.position };
  }
  return assert.fail('the guest does not end');
}

describe('the clocks of a paused guest', () => {
  for (const [name, clock] of Object.entries(clocks)) {
    it(`stand still: ${name}, seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      const { hash, position } = endOf(machineOf(clock));
      for (let round = 0; round < 3; round++) {
        const at = 1 + random.below(position - 1);
        const machine = runTo(machineOf(clock), at);
        pause(machine);
        assert.equal(endOf(machine).hash, hash, `paused at position ${at}`);
      }
    });
  }

  const timer = clocks['interrupts of the APIC timer'] ?? assert.fail('a row');
  const several = clocks['three processors, with an interrupt among them'] ?? assert.fail('a row');

  it('stand still at every pause of many, with several processors', () => {
    const { hash } = endOf(machineOf(several));
    const machine = machineOf(several);
    for (let position = 700; position < 7_000; position += 777) {
      runTo(machine, machine.position + 777);
      pause(machine);
    }
    assert.equal(endOf(machine).hash, hash);
  });

  it('do not jump where guests share logical processors', () => {
    const machine = runTo(machineOf({ boot: sumOf(readTsc) }, 1), 600);
    const time = machine.guests[0]?.time ?? assert.fail('a guest');
    const before = time.nowNs();
    pause(machine, () => assert.equal(time.nowNs(), before));
    assert.equal(time.nowNs(), before);
    endOf(machine);
  });

  it('a preemption timer of a halted processor has as long to go as before', () => {
    const halting = (): PhysicalMachine => {
      const machine = machineOf({ boot: 'f4 eb fd' });
      const state = machine.guests[0]?.processors[0]?.state ?? assert.fail('a processor');
      const change = (field: string, edit: (value: bigint) => bigint): void =>
        state.setVmcs(vmcsEncoding(field), edit(state.vmcs(vmcsEncoding(field))));
      change('PIN_BASED_VM_EXEC_CONTROL', (value) => value | (1n << 6n));
      change('CPU_BASED_VM_EXEC_CONTROL', (value) => value & ~(1n << 7n));
      change('VMX_PREEMPTION_TIMER_VALUE', () => 1000n);
      return machine;
    };
    const countNs = 2 ** preemptionTimerRate;
    const exits = (machine: PhysicalMachine, count: number): string => {
      for (let seen = 0; seen < count;) {
        const { stop } = machine.run({
          maxSteps: 1e6,
          stopAtExit: (exit) => exit.partition === guest,
        });
        if (stop.kind === 'exit') seen++;
      }
      return machine.guestHash(guest);
    };
    const expected = exits(halting(), 3);
    const machine = halting();
    exits(machine, 1);
    machine.run({ maxSteps: 1e6, maxTimeNs: machine.timeNs + 300 * countNs });
    assert.equal(machine.guests[0]?.processors[0]?.runState, 'halted');
    pause(machine);
    assert.equal(exits(machine, 2), expected);
  });

  it('stand still while nothing else can run, and say so', () => {
    const machine = runTo(machineOf(timer), 3_000);
    for (const partition of [guest, spinner])
      machine.accept({ kind: 'pause-partition', partition });
    const { timeNs } = machine;
    const { stop } = machine.run({ maxSteps: 1_000 });
    assert.deepEqual(stop, { kind: 'guest-paused', at: { partition: guest, processor: 0 } });
    assert.equal(machine.timeNs, timeNs);
  });

  it('are saved with the machine, and with the guest, while they stand still', () => {
    const { hash } = endOf(machineOf(several));
    const machine = runTo(machineOf(several), 5_000);
    let saved: Uint8Array = new Uint8Array();
    let file: Uint8Array = new Uint8Array();
    let pausedHash = '';
    pause(machine, (paused) => {
      saved = paused.save();
      pausedHash = paused.stateHash();
      file = new Uint8Array(Buffer.concat(paused.saveGuestFile(guest)));
    });
    assert.equal(endOf(machine).hash, hash);
    const other = machineOf(several);
    other.restore(saved);
    assert.equal(other.stateHash(), pausedHash);
    other.accept({ kind: 'resume-partition', partition: guest });
    assert.equal(endOf(other).hash, hash);
    assert.equal(other.stateHash(), machine.stateHash());
    const third = runTo(machineOf(several), 900);
    third.accept({ kind: 'restore-partition', partition: guest, digest: 'of a test', file });
    third.run({ maxSteps: 50_000 });
    third.accept({ kind: 'resume-partition', partition: guest });
    assert.equal(endOf(third).hash, hash);
  });

  it('are deleted with it, and those of a guest that is started in its place go on', () => {
    const machine = runTo(machineOf(timer), 4_000);
    machine.accept({ kind: 'pause-partition', partition: guest });
    machine.accept({ kind: 'delete-partition', partition: guest });
    machine.run({ maxSteps: 50_000 });
    machine.accept({ kind: 'start-partition', partition: guest });
    assert.equal(machine.guests[0]?.time.isStopped, false);
    endOf(machine);
  });

  it('the past over a pause is gone back to, and repeated', () => {
    const machine = new Timeline(machineOf(several), { interval: 2_000 });
    const past = new NotedPast(machine);
    past.run(3_000);
    machine.accept({ kind: 'pause-partition', partition: guest });
    past.note();
    past.run(2_500);
    past.run(6_500);
    machine.accept({ kind: 'resume-partition', partition: guest });
    past.note();
    past.run(6_000);
    past.assertRepeats(seed);
  });
});
