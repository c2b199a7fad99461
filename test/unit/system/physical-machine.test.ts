/** The whole machine with real guests: determinism, saved state, replay, and bad configurations. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { HostInput } from '../../../debug-adapter/machine/host-input';
import { UserError } from '../../../debug-adapter/support/user-error';
import {
  configureSingleGuest,
  type GuestConfiguration,
  type MachineConfiguration,
} from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';

function guest(name: string, memoryBytes = 4 * 1024 * 1024): GuestConfiguration {
  const path = `guests/${name}/${name}.elf`;
  return { name, memoryBytes, image: { path, bytes: readFileSync(path) }, commandLine: '' };
}

const ports = { codeHost: webAssemblyCodeHost };

function machineOf(...names: string[]): PhysicalMachine {
  const configuration: MachineConfiguration = {
    guests: names.map((name) => guest(name)),
    costs: defaultCosts,
  };
  return new PhysicalMachine(configuration, ports);
}

function runTo(machine: PhysicalMachine, position: number, cut = position): void {
  while (machine.position < position) {
    const { steps, stop } = machine.run({ maxSteps: Math.min(cut, position - machine.position) });
    assert(steps > 0, `stuck at ${machine.position}: ${stop.kind}`);
  }
}

function consoleOf(machine: PhysicalMachine, partition: number): string {
  return machine.trace.console
    .query(0, machine.trace.console.recorded)
    .filter((event) => event.partition === partition)
    .map((event) => String.fromCharCode(...event.data))
    .join('');
}

describe('physical machine', () => {
  it('one state at one position, however the run is cut and whoever watches', () => {
    for (const name of ['hello-partition', 'page-fault-lab', 'string-io']) {
      const target = name === 'string-io' ? 430 : 3000;
      const whole = machineOf(name);
      runTo(whole, target);
      const expected = whole.stateHash();
      for (const cut of [1, 13, 500]) {
        const machine = machineOf(name);
        runTo(machine, target, cut);
        assert.equal(machine.stateHash(), expected, `${name} cut into ${cut}`);
        assert.equal(machine.timeNs, whole.timeNs);
      }
      const watched = machineOf(name);
      while (watched.position < target) {
        const maxSteps = target - watched.position;
        watched.run({ maxSteps, stopAtExit: () => true, stopAtEvent: () => true });
        watched.stateHash();
      }
      assert.equal(watched.stateHash(), expected, `${name} watched`);
    }
  });

  it('stops after the step in which what is waited for happened', () => {
    const machine = machineOf('hello-partition');
    const kinds = new Set(['hypercall', 'console'] as const);
    const stops: string[] = [];
    for (;;) {
      const { stop } = machine.run({
        maxSteps: 3000 - machine.position,
        stopAtTrace: { kinds, wanted: (event) => event.kind === 'hypercall' },
      });
      if (stop.kind !== 'trace') break;
      stops.push(stop.event.kind);
      assert.equal(stop.event.position, machine.position);
    }
    const { recorded } = machine.trace.hypercalls;
    const calls = machine.trace.hypercalls.query(0, recorded);
    const ofGuest = calls.filter(({ partition }) => partition !== machine.parent.id);
    assert.deepEqual(stops, Array(ofGuest.length).fill('hypercall'));
    assert(stops.length > 0);
    const whole = machineOf('hello-partition');
    runTo(whole, machine.position);
    assert.equal(machine.stateHash(), whole.stateHash());
  });

  it('hashes differ at different positions', () => {
    const machine = machineOf('hello-partition');
    const seen = new Set<string>();
    for (let step = 0; step < 200; step++) {
      seen.add(machine.stateHash());
      machine.run({ maxSteps: 1 });
    }
    assert.equal(seen.size, 200);
  });

  it('a restored machine goes on as the saved one did', () => {
    const original = machineOf('page-fault-lab');
    runTo(original, 2000);
    const saved = original.save();
    const hash = original.stateHash();
    runTo(original, 6000);
    const end = original.stateHash();

    const other = machineOf('page-fault-lab');
    other.restore(saved);
    assert.equal(other.stateHash(), hash);
    runTo(other, 6000);
    assert.equal(other.stateHash(), end);

    original.restore(saved);
    assert.deepEqual([original.position, original.stateHash()], [2000, hash]);
    runTo(original, 6000, 77);
    assert.equal(original.stateHash(), end);
  });

  it('a save between an exit and its handling keeps the exit', () => {
    const machine = machineOf('hello-partition');
    machine.run({ maxSteps: 10_000, stopAtExit: (exit) => exit.reason === 18 });
    const pending = machine.guests[0]?.processors[0]?.pendingExit;
    const saved = machine.save();
    machine.run({ maxSteps: 50 });
    const expected = machine.stateHash();
    machine.restore(saved);
    assert.deepEqual(machine.guests[0]?.processors[0]?.pendingExit, pending);
    machine.run({ maxSteps: 50 });
    assert.equal(machine.stateHash(), expected);
  });

  it('inputs are recorded, and replaying them gives the same state', () => {
    const at = { partition: 2, processor: 0 } as const;
    const edits: readonly HostInput[] = [
      { kind: 'edit-gpr', ...at, register: 13, value: 0x1234n },
      { kind: 'edit-memory', partition: 2, gpa: 0x200000, data: Uint8Array.of(1, 2, 3) },
      { kind: 'edit-msr', ...at, msr: 0x10, value: 99n },
      { kind: 'edit-vmcs', ...at, encoding: 0x6808, value: 0n },
      { kind: 'edit-rflags', ...at, value: 0x2 },
    ];
    const original = machineOf('hello-partition');
    edits.forEach((input, index) => {
      runTo(original, 100 * (index + 1) + index);
      original.accept(input);
    });
    runTo(original, 900);
    assert.equal(original.inputs.length, edits.length);
    assert.deepEqual(
      original.inputs.map((row) => row.position),
      [100, 201, 302, 403, 504],
    );

    const again = machineOf('hello-partition');
    for (const { position, timeNs, input } of original.inputs) {
      runTo(again, position);
      assert.equal(again.timeNs, timeNs);
      again.accept(input);
    }
    runTo(again, 900);
    assert.equal(again.stateHash(), original.stateHash());
    const restored = machineOf('hello-partition');
    restored.restore(original.save());
    assert.deepEqual(restored.inputs, original.inputs);
    assert.equal(restored.stateHash(), original.stateHash());
  });

  it('an impossible input changes nothing', () => {
    const machine = machineOf('hello-partition');
    const before = machine.stateHash();
    const input: HostInput = { kind: 'edit-rip', partition: 2, processor: 0, value: 1n << 60n };
    assert.throws(() => machine.accept(input), UserError);
    assert.equal(machine.stateHash(), before);
  });

  it('every byte of RAM and every processor register is part of the hash', () => {
    const machine = machineOf('hello-partition');
    runTo(machine, 100);
    const [partition] = machine.guests;
    const state = partition?.processors[0]?.state;
    assert(partition !== undefined && state !== undefined);
    const before = machine.stateHash();
    const bytes = state.architecturalBytes;
    for (let at = 0; at < bytes.length; at += 61) {
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      assert.notEqual(machine.stateHash(), before, `state byte ${at}`);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    }
    for (const gpa of [0, 0x1000, 0x100000, 0x3fffff]) {
      const old = partition.memory.read(gpa, 1) ?? Uint8Array.of(0);
      partition.memory.write(gpa, Uint8Array.of((old[0] ?? 0) ^ 1));
      assert.notEqual(machine.stateHash(), before, `RAM at ${gpa.toString(16)}`);
      partition.memory.write(gpa, old);
    }
  });

  it('several guests run side by side, each with its own memory and console', () => {
    const machine = machineOf('hello-partition', 'page-fault-lab');
    for (let slice = 0; slice < 100; slice++) machine.run({ maxSteps: 10_000 });
    assert.match(consoleOf(machine, 2), /Hello from a guest partition[^]*done/);
    assert.match(consoleOf(machine, 3), /faults handled: 0x03/);
    const alone = machineOf('hello-partition');
    alone.run({ maxSteps: 100_000 });
    assert.equal(consoleOf(machine, 2), consoleOf(alone, 2));
  });

  it('a partition reads how it was made from its boot information', () => {
    const machine = new PhysicalMachine(
      configureSingleGuest({ ...guest('hello-partition'), commandLine: 'verbose' }),
      ports,
    );
    const page = machine.guests[0]?.memory.read(0x5000, 0x200) ?? new Uint8Array(0);
    const view = new DataView(page.buffer);
    assert.equal(String.fromCharCode(...page.subarray(0, 8)), 'HYPRSCOP');
    assert.equal(view.getBigUint64(16, true), 4n * 1024n * 1024n);
    const line = Number(view.getBigUint64(24, true)) - 0x5000;
    assert.equal(String.fromCharCode(...page.subarray(line, line + 8)), 'verbose\0');
  });

  const refused: readonly (readonly [string, () => unknown])[] = [
    ['guest-count', () => machineOf()],
    ['guest-count', () => machineOf(...Array.from({ length: 9 }, () => 'spin'))],
    [
      'guest-memory-size',
      () => new PhysicalMachine(configureSingleGuest(guest('spin', 4097)), ports),
    ],
    [
      'guest-memory-size',
      () => new PhysicalMachine(configureSingleGuest(guest('spin', 2 ** 40)), ports),
    ],
    [
      'guest-memory-size',
      () => new PhysicalMachine(configureSingleGuest(guest('spin', NaN)), ports),
    ],
    [
      'command-line-too-long',
      () =>
        new PhysicalMachine(
          configureSingleGuest({ ...guest('spin'), commandLine: 'x'.repeat(2048) }),
          ports,
        ),
    ],
    ['saved-state-damaged', () => machineOf('spin').restore(Uint8Array.of(1, 2, 3))],
    [
      'saved-state-other-machine',
      () => machineOf('spin').restore(machineOf('triple-fault').save()),
    ],
  ];
  for (const [id, attempt] of refused) {
    it(`refuses with ${id}`, () => {
      assert.throws(attempt, (problem) => problem instanceof UserError && problem.id === id);
    });
  }

  it('a refused state leaves the machine as it was', () => {
    const machine = machineOf('hello-partition');
    runTo(machine, 500);
    const hash = machine.stateHash();
    const saved = machine.save();
    for (const length of [0, 10, 1000, saved.length - 1]) {
      assert.throws(() => machine.restore(saved.subarray(0, length)), UserError);
    }
    assert.equal(machine.stateHash(), hash);
  });
});
