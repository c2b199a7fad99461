/** A paused parent: what waits for it, what goes on, and what its pause leaves in the machine's state. */
import assert from 'node:assert/strict';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { ApicRegister as Apic } from '../../../debug-adapter/spec/x86/local-apic';
import {
  code,
  counterOf,
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
    machine.accept({ kind: 'pause-parent', partition: parent });
    const { stop } = machine.run({ maxSteps: 1_000 });
    assert.deepEqual(stop, { kind: 'parent-paused', at: { partition: 2, processor: 0 } });
    assert.equal(stateOf(machine), 'suspended');
    machine.accept({ kind: 'resume-parent', partition: parent });
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
    machine.accept({ kind: 'pause-parent', partition: parent });
    machine.run({ maxSteps: 20_000 });
    assert.deepEqual([stateOf(machine, 0), stateOf(machine, 1)], ['suspended', 'active']);
    const before = variable(machine, counted) & 0xffff;
    machine.run({ maxSteps: 10_000 });
    assert((variable(machine, counted) & 0xffff) > before + 1_000);
    machine.accept({ kind: 'resume-parent', partition: parent });
    assert.equal(machine.run({ maxSteps: 50_000 }).stop.kind, 'guest-exit');
  });

  it('what waits is saved and restored with the machine', () => {
    const machine = interruptMachine({ boot: readPort + code.exit(1) });
    machine.accept({ kind: 'pause-parent', partition: parent });
    machine.run({ maxSteps: 1_000 });
    const saved = machine.save();
    machine.accept({ kind: 'resume-parent', partition: parent });
    machine.run({ maxSteps: 1_000 });
    const expected = machine.stateHash();
    const other = interruptMachine({ boot: readPort + code.exit(1) });
    other.restore(saved);
    assert.equal(stateOf(other), 'suspended');
    other.accept({ kind: 'resume-parent', partition: parent });
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
    machine.accept({ kind: 'pause-parent', partition: parent });
    machine.run({ maxSteps: 1_000 });
    assert.equal(stateOf(machine), 'suspended');
    machine.accept({ kind: 'resume-parent', partition: parent });
    assert.equal(machine.run({ maxSteps: 10_000 }).stop.kind, 'guest-exit');
    assert.equal(variable(machine, counterOf(timer)), 2);
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
