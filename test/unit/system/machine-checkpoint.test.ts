/** Checkpoints of a whole machine: no guest can tell, they come back exactly, and what differs is noticed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { PageStore } from '../../../debug-adapter/machine/page-store';
import { equalBytes } from '../../../debug-adapter/support/equal-bytes';
import {
  decodeStateTree,
  encodeStateTree,
  type StateNode,
} from '../../../debug-adapter/support/state-tree';
import { UserError } from '../../../debug-adapter/support/user-error';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import {
  releaseCheckpoint,
  type MachineCheckpoint,
} from '../../../debug-adapter/system/machine-checkpoint';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';

function machineOf(name: string, hotCount?: number): PhysicalMachine {
  const path = `guests/${name}/${name}.elf`;
  const image = { path, bytes: readFileSync(path) };
  const memoryBytes = 4 * 1024 * 1024;
  const ports = { codeHost: webAssemblyCodeHost };
  return new PhysicalMachine(
    configureSingleGuest({ name, memoryBytes, image, commandLine: '' }),
    hotCount === undefined ? ports : { ...ports, hotCount },
  );
}

function runTo(machine: PhysicalMachine, position: number): void {
  while (machine.position < position) {
    const { steps, stop } = machine.run({ maxSteps: position - machine.position });
    assert(steps > 0, `stuck at ${machine.position}: ${stop.kind}`);
  }
}

describe('machine checkpoint', function () {
  this.timeout(60_000);

  for (const hotCount of [0, 1, 50]) {
    it(`checkpoints however often: one hash, and each comes back (hot count ${hotCount})`, () => {
      const end = 7000;
      const plain = machineOf('page-fault-lab', hotCount);
      runTo(plain, end);
      const expected = plain.stateHash();
      for (const interval of [37, 1000, 5555]) {
        const machine = machineOf('page-fault-lab', hotCount);
        const store = new PageStore();
        const taken: { checkpoint: MachineCheckpoint; hash: string }[] = [];
        while (machine.position < end) {
          const checkpoint = machine.takeCheckpoint(store, taken.at(-1)?.checkpoint);
          taken.push({ checkpoint, hash: machine.stateHash() });
          runTo(machine, Math.min(end, machine.position + interval));
        }
        assert.equal(machine.stateHash(), expected, `interval ${interval}`);
        for (const { checkpoint, hash } of taken.filter((_, index) => index % 29 === 0).reverse()) {
          machine.restoreCheckpoint(checkpoint, []);
          assert.equal(machine.stateHash(), hash);
          assert.equal(machine.compareWithCheckpoint(checkpoint), undefined);
          runTo(machine, end);
          assert.equal(machine.stateHash(), expected, `from ${checkpoint.position}`);
        }
        for (const { checkpoint } of taken) releaseCheckpoint(checkpoint);
        assert.equal(store.sizeBytes, 0);
      }
    });
  }

  it('tells what differs', () => {
    const machine = machineOf('hello-partition');
    runTo(machine, 500);
    const checkpoint = machine.takeCheckpoint(new PageStore());
    const [guest] = machine.guests;
    const state = guest?.processors[0]?.state;
    assert(guest !== undefined && state !== undefined);
    const old = guest.memory.read(0x5000, 1) ?? Uint8Array.of(0);
    guest.memory.write(0x5000, Uint8Array.of((old[0] ?? 0) ^ 1));
    assert.match(machine.compareWithCheckpoint(checkpoint) ?? '', /frame \d+ of "hello-partition"/);
    guest.memory.write(0x5000, old);
    assert.equal(machine.compareWithCheckpoint(checkpoint), undefined);
    state.setGpr(3, state.gpr(3) + 1n);
    assert.match(machine.compareWithCheckpoint(checkpoint) ?? '', /processor/);
    machine.restoreCheckpoint(checkpoint, []);
    machine.run({ maxSteps: 1 });
    assert.match(machine.compareWithCheckpoint(checkpoint) ?? '', /position/);
  });

  it('every leaf of the saved state is part of the hash', () => {
    const machine = machineOf('hello-partition');
    machine.run({ maxSteps: 10_000, stopAtExit: (exit) => exit.reason === 18 });
    machine.accept({ kind: 'edit-gpr', partition: 2, processor: 0, register: 13, value: 7n });
    const saved = machine.save();
    const before = machine.stateHash();
    const tree = decodeStateTree(saved);
    const accepted: string[] = [];
    for (const { path, mutated } of mutations(tree, '')) {
      try {
        machine.restore(encodeStateTree(mutated));
      } catch (problem) {
        assert(problem instanceof UserError, `${path}: ${String(problem)}`);
        continue;
      }
      // Where a round begins anew, the schedule settles to the same place.
      if (equalBytes(machine.save(), saved)) continue;
      accepted.push(path);
      assert.notEqual(machine.stateHash(), before, path);
      machine.restore(saved);
      assert.equal(machine.stateHash(), before, path);
    }
    for (const path of [
      '.loop.position',
      '.guests.0.guest.processors.0.state',
      '.memories.0.frames',
    ]) {
      assert(accepted.includes(path), `${path} was mutated`);
    }
  });
});

/** The tree with one leaf changed, for each leaf. */
function* mutations(
  node: StateNode,
  path: string,
): Generator<{ readonly path: string; readonly mutated: StateNode }> {
  if (typeof node === 'number') yield { path, mutated: node + 1 };
  else if (typeof node === 'bigint') yield { path, mutated: node ^ 1n };
  else if (typeof node === 'string') yield { path, mutated: `${node}x` };
  else if (node instanceof Uint8Array) {
    if (node.length > 0)
      yield { path, mutated: node.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) };
  } else {
    for (const [key, child] of Object.entries(node)) {
      for (const { path: below, mutated } of mutations(child, `${path}.${key}`)) {
        const copy: Record<string, StateNode> = { ...Object.fromEntries(Object.entries(node)) };
        copy[key] = mutated;
        yield { path: below, mutated: Array.isArray(node) ? Object.values(copy) : copy };
      }
    }
  }
}
