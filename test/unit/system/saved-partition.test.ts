/** One guest by itself: saved to a file, deleted, started again, restored, and what its machine's past makes of it. */
import assert from 'node:assert/strict';
import { nodePorts } from '../../../debug-adapter/host/node-ports';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { HostInput } from '../../../debug-adapter/machine/host-input';
import type { GuestConfiguration } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import { hypercalls } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { ApicRegister } from '../../../debug-adapter/spec/x86/local-apic';
import { Timeline } from '../../../debug-adapter/timeline/timeline';
import { UserError } from '../../../debug-adapter/support/user-error';
import { BusGuest } from '../../support/bus-guest';
import { code, counterOf, interruptGuest, startUpVector } from '../../support/interrupt-guest';
import { hostileMaps, treesOf, withMap, withTree } from '../../support/altered-file';
import { changedTrees } from '../../support/changed-trees';
import { NotedPast } from '../../support/noted-past';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const { compressor } = nodePorts;
const timerVector = 0x40;
const [first, second] = [2, 3];
const seed = seedOf(20_263);

/**
 * A periodic timer, a hypercall page, an overlay page, readings of the time-stamp counter and of the reference counter,
 * and an end after `rounds` interrupts.
 */
function guestOf(name: string, rounds: number, processorCount = 1): GuestConfiguration {
  const others =
    processorCount === 1
      ? ''
      : code.writeApic(ApicRegister.ICR_LOW, 0xc4500) +
        code.writeApic(ApicRegister.ICR_LOW, 0xc4600 | startUpVector);
  const readClocks = `0f 31 ${code.storeEax(0x700)} ${code.readMsr(0x40000020)} ${code.storeEax(0x704)}`;
  return interruptGuest({
    boot:
      code.writeMsr(0x40000000, 1n) +
      code.writeMsr(0x40000001, 0x60001n) +
      code.writeMsr(0x40000073, 0x71001n) +
      code.writeApic(ApicRegister.SVR, 0x1ff) +
      others +
      code.writeApic(ApicRegister.TIMER_DIVIDE, 0xb) +
      code.writeApic(ApicRegister.LVT_TIMER, timerVector | 0x20000) +
      code.writeApic(ApicRegister.TIMER_INITIAL_COUNT, 7000) +
      code.sti +
      code.haltUntil(counterOf(timerVector), rounds >>> 1) +
      readClocks +
      'b0 41 e6 e9' +
      code.haltUntil(counterOf(timerVector), rounds) +
      readClocks +
      'b0 42 e6 e9' +
      code.exit(name.length),
    startUp: 'f0 ff 06 0005 ff 06 1005 0f 31 a3 1405 eb f0',
    processorCount,
    handlers: new Map([
      [
        timerVector,
        `50 52 ${code.increment(counterOf(timerVector))} 0f 31 ${code.storeEax(0x708)} ${code.writeApic(0xb0, 0)} 5a 58 48 cf`,
      ],
    ]),
    options: { name },
  });
}

const configurationOf = (...guests: readonly GuestConfiguration[]): PhysicalMachine =>
  new PhysicalMachine(
    { guests, costs: defaultCosts },
    { codeHost: webAssemblyCodeHost, compressor },
  );

const two = (): PhysicalMachine => configurationOf(guestOf('one', 3000), guestOf('second', 900));

function fileOf(machine: PhysicalMachine, partition = second): Uint8Array {
  return new Uint8Array(Buffer.concat(machine.saveGuestFile(partition)));
}

const restoring = (file: Uint8Array, partition = second): HostInput => ({
  kind: 'restore-partition',
  partition,
  digest: 'of a test',
  file,
});

function runTo(machine: PhysicalMachine, position: number): PhysicalMachine {
  while (machine.position < position) {
    const { steps, stop } = machine.run({ maxSteps: position - machine.position });
    if (steps === 0 && stop.kind !== 'breakpoint') break;
  }
  return machine;
}

/** Runs until a guest ends. @returns its hash then */
function endOf(machine: PhysicalMachine, partition = second): string {
  for (let turn = 0; turn < 200; turn++) {
    const { stop } = machine.run({ maxSteps: 100_000 });

    if (stop.kind === 'guest-exit' && stop.at.partition === partition) {
      return machine.guestHash(partition);
    }
  }
  return assert.fail('the guest does not end');
}

/** What a guest wrote to its console. */
function consoleOf(machine: PhysicalMachine, partition = second): string {
  const { console: stream } = machine.trace;
  return stream
    .query(0, stream.recorded)
    .filter((event) => event.partition === partition)
    .map(({ data }) => Buffer.from(data).toString('latin1'))
    .join('');
}

function assertRefused(action: () => unknown, id: string): void {
  assert.throws(action, (error) => error instanceof UserError && error.id === id, id);
}

describe('a saved partition', () => {
  it(`goes on as if it had never stopped, among others that went on meanwhile, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const expected = endOf(two());
    for (let round = 0; round < 8; round++) {
      const machine = runTo(two(), 200 + random.below(12_000));
      const file = fileOf(machine);
      const hash = machine.guestHash(second);
      machine.accept({ kind: 'delete-partition', partition: second });
      const other = machine.guests[0]?.processors[0]?.retired ?? 0;
      runTo(machine, machine.position + random.below(20_000));
      assert((machine.guests[0]?.processors[0]?.retired ?? 0) >= other, 'the other goes on');
      machine.accept(restoring(file));
      assert.equal(machine.guestHash(second), hash, 'as it was saved');
      assert.equal(endOf(machine), expected, 'ends as it would have');
    }
  });

  it('goes on in another machine, alone or among others, whatever their time', () => {
    const machine = runTo(two(), 9_000);
    const file = fileOf(machine);
    const expected = endOf(machine);
    const alone = configurationOf(guestOf('second', 900));
    alone.accept(restoring(file, first));
    assert.equal(endOf(alone, first), expected);
    const later = configurationOf(guestOf('second', 900), guestOf('third one', 3000));
    runTo(later, 5_000);
    later.accept(restoring(file, first));
    assert.equal(endOf(later, first), expected);
  });

  it('several processors with nobody besides go on in the turns that they had', () => {
    const made = (): PhysicalMachine => configurationOf(guestOf('several', 12, 3));
    const expected = endOf(made(), first);
    for (const position of [777, 5_000, 23_456]) {
      const machine = runTo(made(), position);
      const file = fileOf(machine, first);
      assert.equal(endOf(machine, first), expected, 'saving changes nothing');
      const again = made();
      again.accept(restoring(file, first));
      assert.equal(endOf(again, first), expected, `saved at ${position}`);
    }
  });

  it(`several processors go on in the turns that they had, among others that went on meanwhile, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const made = (): PhysicalMachine =>
      configurationOf(guestOf('one', 3000), guestOf('several', 40, 3), guestOf('two', 2000, 2));
    const expected = endOf(made());
    const nearlyAlone = configurationOf(guestOf('one', 2), guestOf('several', 40, 3));
    assert.equal(endOf(nearlyAlone), expected, 'whoever runs besides');
    for (let round = 0; round < 6; round++) {
      const machine = runTo(made(), 2_000 + random.below(60_000));
      const file = fileOf(machine);
      const hash = machine.guestHash(second);
      machine.accept({ kind: 'delete-partition', partition: second });
      runTo(machine, machine.position + random.below(30_000));
      machine.accept(restoring(file));
      assert.equal(machine.guestHash(second), hash, 'as it was saved');
      assert.equal(endOf(machine), expected, 'ends as it would have');
    }
  });

  it('that shares logical processors with others goes on, but in the turns that it is given', () => {
    const made = (): PhysicalMachine =>
      new PhysicalMachine(
        {
          guests: [guestOf('one', 3000), guestOf('several', 12, 3)],
          costs: defaultCosts,
          logicalProcessors: 2,
        },
        { codeHost: webAssemblyCodeHost, compressor },
      );
    const machine = runTo(made(), 20_000);
    machine.accept(restoring(fileOf(machine)));
    const again = made();
    again.restore(machine.save());
    assert.equal(endOf(again), endOf(machine));
  });

  it('of an older machine has processors before the beginning of this one, which is saved and restored', () => {
    const made = (): PhysicalMachine => configurationOf(guestOf('several', 12, 3));
    const file = fileOf(runTo(made(), 23_456), first);
    const young = made();
    young.accept(restoring(file, first));
    const again = made();
    again.restore(young.save());
    assert.equal(again.stateHash(), young.stateHash());
    assert.equal(endOf(again, first), endOf(young, first));
  });

  it('is made and taken apart by hypercalls of its parent', () => {
    const machine = runTo(two(), 3_000);
    const file = fileOf(machine);
    const { hypercalls: calls } = machine.trace;
    const named = (from: number): readonly string[] => {
      const names = calls
        .query(from, calls.recorded)
        .map((call) => hypercalls.find((row) => row.code === call.code)?.name ?? '');
      return names.filter((name, index) => name !== names[index - 1]);
    };
    const before = calls.recorded;
    machine.accept({ kind: 'delete-partition', partition: second });
    const deleted = calls.recorded;
    assert.deepEqual(named(before), [
      'HvCallDisconnectPort',
      'HvCallDeletePort',
      'HvCallDisconnectPort',
      'HvCallDeletePort',
      'HvCallUnmapGpaPages',
      'HvCallFinalizePartition',
      'HvCallWithdrawMemory',
      'HvCallDeletePartition',
    ]);
    machine.accept(restoring(file));
    const names = named(deleted);
    for (const name of [
      'HvCallCreatePartition',
      'HvCallDepositMemory',
      'HvCallInitializePartition',
      'HvCallCreateVp',
      'HvCallMapGpaPages',
      'HvCallInstallIntercept',
      'HvCallCreatePort',
      'HvCallConnectPort',
      'HvCallSetVpRegisters',
    ]) {
      assert(names.includes(name), name);
    }
  });

  it('keeps a pause', () => {
    const pausedAndResumed = (isMoved: boolean): PhysicalMachine => {
      const machine = runTo(two(), 4_000);
      machine.accept({ kind: 'pause-partition', partition: second });
      if (isMoved) machine.accept(restoring(fileOf(machine)));
      machine.run({ maxSteps: 1_000_000, maxTimeNs: 2_000_000 });
      assert.equal(machine.guests[1]?.isSuspended, true);
      assert.equal(machine.guests[1]?.processors[0]?.isSuspendedFor('partition'), true);
      machine.accept({ kind: 'resume-partition', partition: second });
      return machine;
    };
    assert.equal(endOf(pausedAndResumed(true)), endOf(pausedAndResumed(false)));
  });

  it('the machine with its deleted guest is saved and restored as a whole', () => {
    const machine = runTo(two(), 6_000);
    const file = fileOf(machine);
    machine.accept({ kind: 'delete-partition', partition: second });
    const saved = machine.save();
    const other = two();
    other.restore(saved);
    assert.equal(other.stateHash(), machine.stateHash());
    for (const each of [machine, other]) {
      runTo(each, 9_000);
      each.accept(restoring(file));
    }
    assert.equal(other.stateHash(), machine.stateHash());
    assert.equal(endOf(other), endOf(machine));
    assert.equal(other.stateHash(), machine.stateHash());
  });

  it('the same pages of system memory are given out again', () => {
    const machine = runTo(two(), 2_000);
    const file = fileOf(machine);
    const sources = (): readonly number[] =>
      machine.guests[1]?.lifeCycle.gpaMap.runs.map(({ sourcePage }) => sourcePage) ?? [];
    machine.accept(restoring(file));
    const once = sources();
    for (let round = 0; round < 20; round++) machine.accept(restoring(file));
    assert.deepEqual(sources(), once);
  });
});

describe('a saved partition with an open channel', () => {
  const boot = new BusGuest().connect().open(1).boot;
  const machine = runTo(
    configurationOf(interruptGuest({ boot, options: { vmbus: true } })),
    20_000,
  );
  const connections = (): readonly object[] => machine.guests[0]?.connections.open ?? [];

  it('has its connections again', () => {
    const [before, hash] = [connections(), machine.guestHash(first)];
    assert.equal(before.length, 3, 'two for messages, one of the channel');
    machine.accept(restoring(fileOf(machine, first), first));
    assert.deepEqual(connections(), before);
    assert.equal(machine.guestHash(first), hash);
    machine.accept({ kind: 'delete-partition', partition: first });
    machine.accept({ kind: 'start-partition', partition: first });
  });

  it('is refused with the connections of another, and nothing changes', () => {
    const file = fileOf(machine, first);
    const before = machine.stateHash();
    for (const tree of [[], [{ id: 1, flagCount: 0 }], [{ id: 2 ** 40, flagCount: 5 }]]) {
      const hostile = withTree(file, 'component connections', tree);
      assertRefused(() => machine.accept(restoring(hostile, first)), 'saved-state-mismatch');
      assert.equal(machine.stateHash(), before);
    }
  });
});

describe('a deleted partition', () => {
  it('is gone for everything but a new beginning, and the other ends as ever', () => {
    const expected = endOf(two(), first);
    const machine = runTo(two(), 5_000);
    machine.accept({ kind: 'delete-partition', partition: second });
    const inputs: readonly HostInput[] = [
      { kind: 'delete-partition', partition: second },
      { kind: 'pause-partition', partition: second },
      { kind: 'edit-gpr', partition: second, processor: 0, register: 0, value: 1n },
      { kind: 'console-input', partition: second, data: Uint8Array.of(1) },
    ];
    const before = machine.stateHash();
    for (const input of inputs) {
      assert.throws(() => machine.accept(input), UserError, input.kind);
      assert.equal(machine.stateHash(), before, 'nothing has changed');
    }
    assertRefused(() => machine.saveGuestFile(second), 'guest-deleted');
    assert.equal(endOf(machine, first), expected);
    assert.equal(machine.guests[1]?.lifeCycle.state, 'deleted');
    assert.equal(consoleOf(machine), '');
  });

  it('starts again as at power-on, as does one that has ended', () => {
    const machine = runTo(two(), 5_000);
    assertRefused(
      () => machine.accept({ kind: 'start-partition', partition: second }),
      'guest-is-there',
    );
    machine.accept({ kind: 'delete-partition', partition: second });
    machine.accept({ kind: 'start-partition', partition: second });
    endOf(machine);
    assert.equal(consoleOf(machine), 'AB');
    machine.accept({ kind: 'start-partition', partition: second });
    endOf(machine);
    assert.equal(consoleOf(machine), 'ABAB');
  });
});

describe('the past of a machine whose guest was deleted and restored', () => {
  it('is gone back to and repeats itself', () => {
    const machine = new Timeline(two(), { interval: 3_000 });
    const past = new NotedPast(machine);
    past.run(4_000);
    const file = fileOf(machine.machine);
    past.run(3_000);
    machine.accept({ kind: 'delete-partition', partition: second });
    past.note();
    past.run(5_000);
    machine.accept(restoring(file));
    past.note();
    past.run(6_000);
    past.assertRepeats(seed);
  });
});

describe('a file that is no saved partition of this machine', () => {
  const machine = runTo(two(), 3_000);
  const file = fileOf(machine);
  const changed = (at: number): Uint8Array => {
    const bytes = file.slice();
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    return bytes;
  };
  const whole = (): Uint8Array => new Uint8Array(Buffer.concat(machine.saveFile(compressor, '{}')));
  const rows: readonly (readonly [string, () => Uint8Array, string])[] = [
    ['nothing', () => new Uint8Array(0), 'saved-file-foreign'],
    [
      'another kind of file',
      () => new TextEncoder().encode('#!/bin/sh\necho hello\n'),
      'saved-file-foreign',
    ],
    ['a whole machine', whole, 'saved-file-not-of-partition'],
    ['a newer version', () => changed(8 + 3), 'saved-file-newer'],
    ['one that is cut', () => file.subarray(0, file.length >> 1), 'saved-file-damaged'],
    ['one without its last byte', () => file.subarray(0, -1), 'saved-file-damaged'],
    ['one with a changed byte', () => changed(file.length >> 1), 'saved-file-damaged'],
    ...hostileMaps.map(
      ([what, change]) =>
        [`one with ${what}`, () => withMap(file, 'guest', change), 'saved-file-damaged'] as const,
    ),
    [
      'another guest of this machine',
      () => fileOf(machine, first),
      'saved-partition-other-configuration',
    ],
    [
      'another image',
      () => fileOf(runTo(configurationOf(guestOf('second', 901)), 500), first),
      'saved-partition-other-configuration',
    ],
  ];
  for (const [what, bytes, id] of rows) {
    it(`${what} is refused, and nothing changes`, () => {
      const before = machine.stateHash();
      assertRefused(() => machine.accept(restoring(bytes())), id);
      assert.equal(machine.stateHash(), before);
    });
  }

  it('the guest that a file is of is found; a partition is no machine', () => {
    assert.equal(machine.guestOfFile(file), second);
    assert.equal(machine.guestOfFile(fileOf(machine, first)), first);
    assertRefused(() => machine.saveGuestFile(7), 'no-such-partition');
  });
});

describe('the hash of a guest', () => {
  /**
   * The turn that its processors have among those of the machine is the machine's own. A start-up IPI that the
   * processor does not wait for (SDM vol. 3, 11.6.1), and an end of interrupt that no assist page tells, end as they
   * are put back.
   */
  const isNoMatter = (path: string): boolean =>
    path.startsWith('component round') || /\.apic\.(signals\[2\]|assisted)$/.test(path);

  it(`changes with any leaf of its saved state, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const machine = runTo(configurationOf(guestOf('second', 900)), 3_000);
    const file = fileOf(machine, first);
    const before = machine.guestHash(first);
    let [changes, refused] = [0, 0];
    const unnoticed: string[] = [];
    for (const [name, tree] of treesOf(file, (each) => each.startsWith('component '))) {
      for (const [path, changed] of changedTrees(tree, random, name)) {
        changes++;
        try {
          machine.accept(restoring(withTree(file, name, changed), first));
          if (machine.guestHash(first) === before) unnoticed.push(path);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          refused++;
        }
      }
    }
    machine.accept(restoring(file, first));
    assert.equal(machine.guestHash(first), before);
    assert.deepEqual(
      unnoticed.filter((path) => !isNoMatter(path)),
      [],
    );
    assert.ok(changes >= 100 && refused < changes / 4, `${refused} of ${changes} were refused`);
  }).timeout(60_000);
});
