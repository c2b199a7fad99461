/** A paused partition, parent or guest: what waits, what goes on, and what its pause leaves in the machine's state. */
import assert from 'node:assert/strict';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { UserError } from '../../../debug-adapter/support/user-error';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { hypercallByName } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { ApicRegister as Apic } from '../../../debug-adapter/spec/x86/local-apic';
import {
  code,
  counterOf,
  interruptGuest,
  interruptMachine,
  startUpVector,
  variable,
} from '../../support/interrupt-guest';

const parent = 1;
const counted = 0x500;

/** `in al, 0x60` is a port of the parent's; AL goes to memory. */
const readPort = `e4 60 ${code.storeEax(0xd000)}`;

function stateOf(machine: PhysicalMachine, processor = 0): string | undefined {
  return machine.guests[0]?.processors[processor]?.runState;
}

describe('paused parent partition', () => {
  it('keeps a processor suspended until it is resumed', () => {
    const machine = interruptMachine({ boot: readPort + code.exit(1) });
    machine.accept({ kind: 'pause-partition', partition: parent });
    const { stop } = machine.run({ maxSteps: 1_000 });
    assert.deepEqual(stop, { kind: 'parent-paused', at: { partition: 2, processor: 0 } });
    assert.equal(stateOf(machine), 'suspended');
    machine.accept({ kind: 'resume-partition', partition: parent });
    assert.equal(stateOf(machine), 'active');
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'guest-exit');
  });

  it('others run on', () => {
    const machine = interruptMachine({
      boot:
        code.writeApic(Apic.SVR, 0x1ff) +
        code.writeApic(Apic.ICR_LOW, 0xc4500) +
        code.writeApic(Apic.ICR_LOW, 0xc4600 | startUpVector) +
        code.waitFor(counted, 1) +
        readPort +
        code.exit(1),
      startUp: 'ff 06 0005 eb fa',
      processorCount: 2,
    });
    machine.run({ maxSteps: 50 });
    machine.accept({ kind: 'pause-partition', partition: parent });
    machine.run({ maxSteps: 20_000 });
    assert.deepEqual([stateOf(machine, 0), stateOf(machine, 1)], ['suspended', 'active']);
    const before = variable(machine, counted) & 0xffff;
    machine.run({ maxSteps: 10_000 });
    assert((variable(machine, counted) & 0xffff) > before + 1_000);
    machine.accept({ kind: 'resume-partition', partition: parent });
    assert.equal(machine.run({ maxSteps: 50_000 }).stop.kind, 'guest-exit');
  });

  it('RIP stays while an access waits for it: the answer is for the instruction there', () => {
    const machine = interruptMachine({ boot: readPort + code.exit(1) });
    const edit = { kind: 'edit-rip', partition: 2, processor: 0, value: 0x1000n } as const;
    machine.accept({ kind: 'pause-partition', partition: parent });
    machine.run({ maxSteps: 1_000 });
    const before = machine.stateHash();
    assert.throws(
      () => machine.accept(edit),
      (error) => error instanceof UserError && error.id === 'awaits-parent',
    );
    assert.equal(machine.stateHash(), before);
    machine.accept({ kind: 'resume-partition', partition: parent });
    machine.accept(edit);
    assert.equal(machine.guests[0]?.processors[0]?.state.rip, edit.value);
  });

  it('what waits is saved and restored with the machine', () => {
    const machine = interruptMachine({ boot: readPort + code.exit(1) });
    machine.accept({ kind: 'pause-partition', partition: parent });
    machine.run({ maxSteps: 1_000 });
    const saved = machine.save();
    machine.accept({ kind: 'resume-partition', partition: parent });
    machine.run({ maxSteps: 1_000 });
    const expected = machine.stateHash();
    const other = interruptMachine({ boot: readPort + code.exit(1) });
    other.restore(saved);
    assert.equal(stateOf(other), 'suspended');
    other.accept({ kind: 'resume-partition', partition: parent });
    other.run({ maxSteps: 1_000 });
    assert.equal(other.stateHash(), expected);
  });

  it('a processor that takes an external interrupt waits for its vector', () => {
    const timer = 0x20;
    const machine = interruptMachine({
      // 8259 to vectors 0x20 and above, IRQ 0 open; 8254 counter 0 in mode 2 every 0x1000 ticks.
      boot:
        'b0 11 e6 20 b0 20 e6 21 b0 04 e6 21 b0 01 e6 21 b0 fe e6 21' +
        'b0 34 e6 43 b0 00 e6 40 b0 10 e6 40' +
        code.sti +
        code.haltUntil(counterOf(timer), 2) +
        code.exit(1),
      handlers: new Map([[timer, `50 ${code.increment(counterOf(timer))} b0 20 e6 20 58 48 cf`]]),
    });
    machine.run({ maxSteps: 40 });
    machine.accept({ kind: 'pause-partition', partition: parent });
    machine.run({ maxSteps: 1_000 });
    assert.equal(stateOf(machine), 'suspended');
    machine.accept({ kind: 'resume-partition', partition: parent });
    assert.equal(machine.run({ maxSteps: 10_000 }).stop.kind, 'guest-exit');
    assert.equal(variable(machine, counterOf(timer)), 2);
  });
});

describe('paused guest partition', () => {
  const [first, second] = [2, 3];
  /** inc dword [counted]; jmp back */
  const count = `ff 04 25 00050000 eb f7`;

  function machineOfTwo(): PhysicalMachine {
    const guests = [interruptGuest({ boot: count }), interruptGuest({ boot: count })];
    return new PhysicalMachine({ guests, costs: defaultCosts }, { codeHost: webAssemblyCodeHost });
  }

  const countedBy = (machine: PhysicalMachine): readonly number[] =>
    machine.guests.map(({ memory }) => {
      const bytes = memory.read(counted, 4);
      assert(bytes !== undefined);
      return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    });

  it('rests while the other runs, by a hypercall of its parent', () => {
    const machine = machineOfTwo();
    machine.run({ maxSteps: 20_000 });
    const { hypercalls } = machine.trace;
    machine.accept({ kind: 'pause-partition', partition: first });
    const call = hypercalls.at(hypercalls.recorded - 1);
    assert.equal(call?.code, hypercallByName.get('HvCallSetPartitionProperty')?.code);
    assert.deepEqual([call?.partition, call?.status], [parent, 0]);
    const before = countedBy(machine);
    machine.run({ maxSteps: 20_000 });
    const after = countedBy(machine);
    assert.equal(after[0], before[0]);
    assert((after[1] ?? 0) > (before[1] ?? 0) + 1_000);
    machine.accept({ kind: 'resume-partition', partition: first });
    machine.run({ maxSteps: 20_000 });
    assert((countedBy(machine)[0] ?? 0) > (before[0] ?? 0) + 1_000);
  });

  it('is told of where nothing else can run, and its pause is saved with the machine', () => {
    const machine = machineOfTwo();
    machine.run({ maxSteps: 5_000 });
    for (const partition of [first, second]) {
      machine.accept({ kind: 'pause-partition', partition });
    }
    const { stop } = machine.run({ maxSteps: 1_000 });
    assert.deepEqual(stop, { kind: 'guest-paused', at: { partition: first, processor: 0 } });
    const saved = machine.save();
    const goOn = (each: PhysicalMachine): string => {
      each.accept({ kind: 'resume-partition', partition: second });
      each.run({ maxSteps: 5_000 });
      return each.stateHash();
    };
    const expected = goOn(machine);
    const other = machineOfTwo();
    other.restore(saved);
    assert.equal(goOn(other), expected);
  });

  it('cannot be paused once it has ended, and nothing changes', () => {
    const machine = interruptMachine({ boot: code.exit(1) });
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'guest-exit');
    const before = machine.stateHash();
    assert.throws(
      () => machine.accept({ kind: 'pause-partition', partition: first }),
      /has ended; there is nothing to pause/,
    );
    assert.equal(machine.stateHash(), before);
  });
});

describe('memory of a PC that nothing answers', () => {
  it('reads all ones, and writes are lost', () => {
    // mov ebx, 0xd0000000; mov dword [rbx], 0x12345678; mov rax, [rbx]; mov [0xd000], rax
    const boot = `bb 000000d0 c7 03 78563412 48 8b 03 48 89 04 25 00d00000 ${code.exit(1)}`;
    const machine = interruptMachine({ boot });
    assert.equal(machine.run({ maxSteps: 1_000 }).stop.kind, 'guest-exit');
    assert.equal(variable(machine, 0xd000), 0xffffffff);
    assert.equal(variable(machine, 0xd004), 0xffffffff);
  });
});
