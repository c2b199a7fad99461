/**
 * A parent that takes an installed intercept back: what a guest does there goes the way of an access that nobody has
 * asked for, from the instruction to its result, and comes back to the chip with the intercept (TLFS 9.3, 11.9).
 */
import assert from 'node:assert/strict';
import type { Partition } from '../../../debug-adapter/hypervisor/partition';
import type { TraceEvent } from '../../../debug-adapter/machine/trace';
import { physicalAddressBits } from '../../../debug-adapter/spec/x86/address-widths';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { code, interruptMachine, variable } from '../../support/interrupt-guest';
import { littleEndian } from '../../support/machine-code';
import { parentRig } from '../hypervisor/parent-rig';

const u32 = (value: number): string => littleEndian(value, 4);
const result = 0xb000;
/** Status port of the keyboard controller, whose chip never says all ones. */
const port = 0x64;
/** Memory of the I/O APIC; nothing of the guest's RAM lies there. */
const ioApic = 0xfec00000;

/** mov eax, 0; what reads; mov [result], eax */
const reading = (access: string): string => `b8 ${u32(0)} ${access} ${code.storeEax(result)}`;

const reads: readonly (readonly [what: string, access: string, nobody: number])[] = [
  ['IN AL', reading('e4 64'), 0xff],
  ['IN AX', reading('66 e5 64'), 0xffff],
  ['IN EAX', reading('e5 64'), 0xffffffff],
  ['IN AL, DX', reading('66 ba 64 00 ec'), 0xff],
  ['INSB', `${code.store(result, 0)} 66 ba 64 00 bf ${u32(result)} 6c`, 0xff],
  [
    'REP INSB',
    `${code.store(result, 0)} 66 ba 64 00 bf ${u32(result)} b9 ${u32(4)} f3 6c`,
    0xffffffff,
  ],
];

interface Ran {
  readonly machine: PhysicalMachine;
  readonly kinds: readonly TraceEvent['kind'][];
  readonly stop: string;
}

/** Runs the code once, behind what was done to the guest's intercepts. */
function run(boot: string, change: (guest: Partition) => void): Ran {
  const machine = interruptMachine({ boot: boot + code.exit(1) });
  const guest = machine.guests[0] ?? assert.fail('guest');
  change(guest);
  const kinds: TraceEvent['kind'][] = [];
  machine.trace.forwardTo({ record: ({ kind }) => void kinds.push(kind) }, [
    'vm-exit',
    'intercept-message',
  ]);
  const { stop } = machine.run({ maxSteps: 1_000 });
  return { machine, kinds, stop: stop.kind };
}

/** Events of the access alone: the guest's end is an intercepted exit too. */
const countOf = ({ kinds }: Ran, kind: TraceEvent['kind']): number =>
  kinds.filter((each) => each === kind).length - 1;

const installed = (): void => undefined;
const removed = (guest: Partition): void => guest.removePortIntercept(port, 1);
const again = (guest: Partition): void => {
  removed(guest);
  guest.installPortIntercept(port, 1);
};

describe('an intercept that is taken back', () => {
  for (const [what, boot, nobody] of reads) {
    it(`${what}: exits as before, tells nobody and reads all ones`, () => {
      const before = run(boot, installed);
      const without = run(boot, removed);
      const after = run(boot, again);
      for (const each of [before, without, after]) assert.equal(each.stop, 'guest-exit');
      assert.notEqual(variable(before.machine, result), nobody);
      assert.equal(variable(without.machine, result), nobody);
      assert.equal(variable(after.machine, result), variable(before.machine, result));
      assert.equal(countOf(without, 'vm-exit'), countOf(before, 'vm-exit'));
      assert.equal(countOf(without, 'intercept-message'), 0);
      assert.ok(countOf(before, 'intercept-message') > 0);
      assert.deepEqual(after.kinds, before.kinds);
    });
  }

  it('OUT reaches no chip', () => {
    // Index 0x0e of the CMOS is RAM: what is written there is read back.
    const select = 'b0 0e e6 70';
    const boot = `${select} b0 5a e6 71 ${select} ${reading('e4 71')}`;
    assert.equal(variable(run(boot, installed).machine, result), 0x5a);
    const without = run(boot, (guest) => guest.removePortIntercept(0x70, 2));
    assert.equal(variable(without.machine, result), 0xff);
    assert.equal(countOf(without, 'vm-exit'), 4);
    assert.equal(countOf(without, 'intercept-message'), 0);
  });

  it('device memory without its intercept stops as memory that is not there', () => {
    const boot = `b8 ${u32(ioApic)} 8b 00 ${code.storeEax(result)}`;
    assert.equal(run(boot, installed).stop, 'guest-exit');
    const without = run(boot, (guest) => guest.removeMemoryIntercept(0, 2 ** physicalAddressBits));
    assert.equal(without.stop, 'unhandled-exit');
    assert.deepEqual(without.kinds, ['vm-exit']);
  });

  it('HvCallInstallIntercept without an access takes back what it has given', () => {
    const rig = parentRig();
    const { lifeCycle } = rig.stack;
    const id = lifeCycle.create({ processorCount: 1, ram: [{ start: 0, end: 0x10000 }] });
    const install = (mask: number, first: number, last: number): string =>
      rig.make('HvCallInstallIntercept', {
        PartitionId: id,
        AccessTypeMask: mask,
        InterceptType: 0x11,
        InterceptParameter: last * 0x10000 + first,
      });
    const guest = rig.hypervisor.partitions.find((each) => each.id === id) ?? assert.fail('guest');
    const intercepted = (): readonly number[] =>
      [0x5f, 0x60, 0x64, 0x65].filter((each) => guest.interceptsPort(each));
    assert.equal(install(3, 0x60, 0x64), 'HV_STATUS_SUCCESS');
    assert.deepEqual(intercepted(), [0x60, 0x64]);
    assert.equal(install(0, 0x60, 0x64), 'HV_STATUS_SUCCESS');
    assert.deepEqual(intercepted(), []);
  });
});
