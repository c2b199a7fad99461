// A guest that starts again is as fresh as one of a new machine, whatever reset it, and only then.
import assert from 'node:assert/strict';
import { savePartition } from '../../../debug-adapter/hypervisor/partition.saved-state';
import { stateOffsets } from '../../../debug-adapter/machine/processor-state';
import type { GuestConfiguration } from '../../../debug-adapter/system/machine-configuration';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { ApicRegister } from '../../../debug-adapter/spec/x86/local-apic';
import { port } from '../../../debug-adapter/spec/pc/board';
import { present } from '../../../debug-adapter/support/assert';
import { StateRecord } from '../../../debug-adapter/support/state-record';
import { decodeStateTree, encodeStateTree } from '../../../debug-adapter/support/state-tree';
import { Timeline } from '../../../debug-adapter/timeline/timeline';
import { code, interruptMachine, startUpVector } from '../../support/interrupt-guest';
import { littleEndian } from '../../support/machine-code';

const out = (port: number, value: number): string =>
  `66 ba ${littleEndian(port, 2)} b0 ${littleEndian(value, 1)} ee`;

const msr = { guestOsId: 0x40000000, hypercall: 0x40000001, reset: 0x40000003 } as const;

/** Leaves traces wherever a guest can. */
const makeTraces =
  code.store(0xd000, 0x1234) +
  code.writeMsr(msr.guestOsId, 1n) +
  code.writeMsr(msr.hypercall, 0x60001n) +
  code.writeMsr(0x40000021, 0x61001n) +
  code.writeMsr(0x40000073, 0x62001n) +
  code.writeMsr(0x40000080, 1n) +
  code.writeMsr(0x40000083, 0x63001n) +
  code.writeMsr(0x40000092, 0x50n) +
  code.writeMsr(0xc0000082, 0x1234n) +
  code.writeApic(ApicRegister.SVR, 0x1ff) +
  code.writeApic(ApicRegister.LVT_TIMER, 0x20040) +
  code.writeApic(ApicRegister.TIMER_INITIAL_COUNT, 100_000) +
  code.writeApic(ApicRegister.ICR_LOW, 0xc4500) +
  code.writeApic(ApicRegister.ICR_LOW, 0xc4600 | startUpVector) +
  code.count(40_000) +
  out(0x43, 0x34) +
  out(0x40, 0x10) +
  out(0x21, 0x55) +
  out(0x3fb, 0x83);

const ways: readonly (readonly [
  title: string,
  code: string,
  options?: Partial<GuestConfiguration>,
])[] = [
  ['port 0xcf9 (PIIX4, 4.1.2)', out(0xcf9, 0x02) + out(0xcf9, 0x06)],
  ['the keyboard controller (command 0xfe)', out(0x64, 0xfe)],
  ['port 0x92', out(0x92, 0x01)],
  ['the reset register of the FADT (ACPI 4.8.3.6)', out(port.powerManagement + 0x33, 1)],
  ['HV_X64_MSR_RESET (TLFS 3.14)', code.writeMsr(msr.reset, 1n)],
  [
    'a triple fault, where it resets',
    // lidt [0xd100] with limit 0, then ud2
    `0f 01 1c 25 ${littleEndian(0xd100, 4)} 0f 0b`,
    { onTripleFault: 'reset' },
  ],
];

function machineWith(reset: string, options: Partial<GuestConfiguration> = {}): PhysicalMachine {
  return interruptMachine({
    boot: makeTraces + reset + code.hlt,
    startUp: 'f0 ff 06 0005 eb f9',
    processorCount: 2,
    options,
  });
}

/** What of a guest begins anew: all but counts, clocks and random numbers. */
function freshness(machine: PhysicalMachine): object {
  const guest = present(machine.guests[0], 'guest');
  const tree = new StateRecord(decodeStateTree(encodeStateTree(savePartition(guest))), 'guest');
  return {
    guestOsId: guest.guestOsId,
    hypercall: guest.hypercallRegister,
    synthetic: encodeStateTree(guest.synthetic.save()),
    processors: guest.processors.map((processor, index) => {
      const bytes = processor.state.architecturalBytes.slice();
      for (const at of [stateOffsets.retired, stateOffsets.randomState]) bytes.fill(0, at, at + 8);
      const saved = tree.record('guest').records('processors')[index];
      return { bytes, runState: processor.runState, awaited: saved?.string('awaited') };
    }),
    memory: guest.memory.save(),
  };
}

describe('a guest whose platform is reset', () => {
  for (const [title, reset, options] of ways) {
    it(`is as fresh as a new one after ${title}`, () => {
      const machine = machineWith(reset, options);
      assert.equal(machine.run({ maxSteps: 1_000_000 }).stop.kind, 'guest-restart');
      assert.ok(machine.position > 1000);
      assert.deepEqual(freshness(machine), freshness(machineWith(reset, options)));
    });

    it(`does the same however it is run after ${title}`, () => {
      const run = (steps: number): string => {
        const machine = machineWith(reset, options);
        while (machine.position < 250_000) {
          machine.run({ maxSteps: Math.min(steps, 250_000 - machine.position) });
        }
        return machine.stateHash();
      };
      assert.equal(run(997), run(1_000_000));
    });
  }

  it('ends where it was told to', () => {
    const machine = machineWith(out(0x64, 0xfe), { onReset: 'end' });
    assert.equal(machine.run({ maxSteps: 1_000_000 }).stop.kind, 'guest-reset');
    assert.deepEqual(machine.guests[0]?.end, { kind: 'reset' });
  });

  it('can be gone back behind, and forward again', () => {
    const timeline = new Timeline(machineWith(out(0x64, 0xfe)));
    for (let restarts = 0; restarts < 3;) {
      if (timeline.run({ maxSteps: 1_000_000 }).stop.kind === 'guest-restart') restarts++;
    }
    const [end, hash] = [timeline.position, timeline.stateHash()];
    for (const position of [1000, end]) {
      const travel = timeline.travelTo(position);
      while (travel.next().done !== true);
    }
    assert.equal(timeline.stateHash(), hash);
  });
});
