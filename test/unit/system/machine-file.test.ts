// Saved machines as files: what is restored goes on as if nothing had happened, and what is damaged is refused whole.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSavedMachine } from '../../../debug-adapter/debugger/saved-machine';
import { nodePorts } from '../../../debug-adapter/host/node-ports';
import { readMachineFile } from '../../../debug-adapter/system/machine-file';
import type { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { ApicRegister } from '../../../debug-adapter/spec/x86/local-apic';
import { UserError } from '../../../debug-adapter/support/user-error';
import { code, counterOf, interruptMachine, startUpVector } from '../../support/interrupt-guest';
import type { StateNode } from '../../../debug-adapter/support/state-tree';
import { hostileMaps, treesOf, withMap, withTree } from '../../support/altered-file';
import { BusGuest } from '../../support/bus-guest';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const { compressor } = nodePorts;
const timerVector = 0x40;
const seed = seedOf(20_261);

/** Two processors, a periodic timer, an overlay page, and a console that hears. */
function machineOf(rounds = 40): PhysicalMachine {
  return interruptMachine({
    boot:
      code.writeMsr(0x40000000, 1n) +
      code.writeMsr(0x40000001, 0x60001n) +
      code.writeApic(ApicRegister.SVR, 0x1ff) +
      code.writeApic(ApicRegister.ICR_LOW, 0xc4500) +
      code.writeApic(ApicRegister.ICR_LOW, 0xc4600 | startUpVector) +
      code.writeApic(ApicRegister.TIMER_DIVIDE, 0xb) +
      code.writeApic(ApicRegister.LVT_TIMER, timerVector | 0x20000) +
      code.writeApic(ApicRegister.TIMER_INITIAL_COUNT, 7000) +
      code.sti +
      code.haltUntil(counterOf(timerVector), rounds) +
      code.exit(0),
    startUp: 'f0 ff 06 0005 ff 06 1005 0f 31 a3 1405 eb f2',
    processorCount: 2,
  });
}

function fileOf(machine: PhysicalMachine): Uint8Array {
  return new Uint8Array(Buffer.concat(machine.saveFile(compressor, '{"program":"x"}')));
}

function restored(bytes: Uint8Array, rounds?: number): PhysicalMachine {
  const machine = machineOf(rounds);
  machine.restoreFile(readMachineFile(bytes, compressor), compressor);
  return machine;
}

function run(machine: PhysicalMachine, position: number): PhysicalMachine {
  while (machine.position < position) {
    const { stop, steps } = machine.run({ maxSteps: position - machine.position });
    if (steps === 0 && stop.kind !== 'breakpoint') break;
  }
  return machine;
}

function assertRefused(action: () => unknown, ids: readonly string[], what: string): void {
  assert.throws(action, (error) => error instanceof UserError && ids.includes(error.id), what);
}

describe('a saved machine', () => {
  it(`goes on from any position as one that was never stopped, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const end = 60_000;
    const expected = run(machineOf(), end).stateHash();
    for (let round = 0; round < 12; round++) {
      const at = random.below(end);
      const first = run(machineOf(), at);
      if (round % 2 === 0)
        first.accept({ kind: 'edit-rflags', partition: 2, processor: 1, value: 2 });
      const second = restored(fileOf(first));
      assert.equal(second.stateHash(), first.stateHash(), `saved at ${at}`);
      assert.deepEqual(second.inputs, first.inputs);
      assert.equal(run(second, end).stateHash(), run(first, end).stateHash(), `run from ${at}`);
      if (round % 2 === 1) assert.equal(first.stateHash(), expected, `run past ${at}`);
    }
  });

  it('is small: pages of zeros are not kept', () => {
    assert.ok(fileOf(run(machineOf(), 50_000)).length < 64 * 1024);
  });

  it('brings what it was saved with', () => {
    assert.equal(readMachineFile(fileOf(machineOf()), compressor).origin, '{"program":"x"}');
  });

  it(`is refused where any byte of it is damaged, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const machine = run(machineOf(), 5000);
    const bytes = fileOf(machine);
    const before = machine.stateHash();
    for (let round = 0; round < 400; round++) {
      const damaged = bytes.slice();
      const at = round < 40 ? round : random.below(bytes.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
      assertRefused(
        () => machine.restoreFile(readMachineFile(damaged, compressor), compressor),
        ['saved-file-foreign', 'saved-file-newer', 'saved-file-damaged'],
        `byte ${at}`,
      );
    }
    assert.equal(machine.stateHash(), before);
  });

  it('is refused where it is cut short', () => {
    const bytes = fileOf(machineOf());
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(bytes.length / 500)) {
      assertRefused(
        () => readMachineFile(bytes.subarray(0, length), compressor),
        ['saved-file-foreign', 'saved-file-damaged'],
        `${length} bytes`,
      );
    }
  });

  for (const [what, change] of hostileMaps) {
    it(`is refused with ${what}, and nothing changes`, () => {
      const machine = run(machineOf(), 5000);
      const file = withMap(fileOf(machine), '2', change);
      const before = machine.stateHash();
      const restore = (): void =>
        machine.restoreFile(readMachineFile(file, compressor), compressor);
      assertRefused(restore, ['saved-file-damaged'], what);
      assert.equal(machine.stateHash(), before);
    });
  }

  it('is refused by another machine, which stays as it is', () => {
    const bytes = fileOf(machineOf());
    const other = machineOf(41);
    const before = other.stateHash();
    const restore = (): void => other.restoreFile(readMachineFile(bytes, compressor), compressor);
    assertRefused(restore, ['saved-state-other-machine'], 'another image');
    assert.equal(other.stateHash(), before);
  });
});

/** A leaf of the records of guests, and what no machine saves there. */
const hostileLeaves: readonly (readonly [path: string, value: StateNode])[] = [
  ['0.lifeCycle.pool.pages', [5]],
  ['0.lifeCycle.pool.pages', [9, 3]],
  ['0.lifeCycle.pool.pages', [-4, 3]],
  ['0.lifeCycle.pool.pages', [0, 8, 8, 9]],
  ['0.lifeCycle.pool.pages', [0, 2 ** 41]],
  ['0.lifeCycle.pool.used', -1],
  ['0.lifeCycle.pool.used', 2 ** 40],
  ['0.lifeCycle.gpaMap', [0, 0, 4]],
  ['0.lifeCycle.gpaMap', [0, 0, 4, 8]],
  ['0.lifeCycle.gpaMap', [0, 0, 0, 7]],
  ['0.lifeCycle.gpaMap', [0, 0, 4, 7, 3, 9, 1, 7]],
  ['0.lifeCycle.gpaMap', [0, -1, 4, 7]],
  ['0.lifeCycle.gpaMap', [2 ** 40, 0, 1, 7]],
  ['0.connections.connections.0.id', -1],
  ['0.connections.connections.0.id', 2 ** 33],
  ['0.connections.connections.1.id', 1],
  ['0.connections.connections.0.portId', 0x77],
  ['0.connections.connections.0.kind', 'telegram'],
  ['0.connections.connections.2.flagCount', 4096],
];

/** The tree with another leaf; a dot is between the keys of its path. */
function withLeaf(node: StateNode, path: string, value: StateNode): StateNode {
  const [key = '', ...rest] = path.split('.');
  const inner = (child: StateNode | undefined): StateNode =>
    rest.length === 0 ? value : withLeaf(child ?? [], rest.join('.'), value);
  if (isList(node)) return node.with(Number(key), inner(node[Number(key)]));
  assert(typeof node === 'object' && !(node instanceof Uint8Array), path);
  return { ...node, [key]: inner(node[key]) };
}

const isList = (node: StateNode): node is readonly StateNode[] => Array.isArray(node);

describe('a saved machine whose records are not what was saved', () => {
  const machine = interruptMachine({
    boot: new BusGuest().connect().open(1).boot,
    options: { vmbus: true },
  });
  const guests = 'component guests';
  let file: Uint8Array;
  before(() => (file = fileOf(run(machine, 20_000))));

  const refuse = (name: string, change: (tree: StateNode) => StateNode, field: RegExp): void => {
    const tree = treesOf(file, (candidate) => candidate === name).get(name);
    assert(tree !== undefined);
    const hostile = withTree(file, name, change(tree));
    const hash = machine.stateHash();
    assert.throws(
      () => machine.restoreFile(readMachineFile(hostile, compressor), compressor),
      (error) =>
        error instanceof UserError &&
        error.id === 'saved-state-mismatch' &&
        field.test(error.message),
    );
    assert.equal(machine.stateHash(), hash, 'nothing has changed');
  };

  for (const [path, value] of hostileLeaves) {
    it(`${path} ${JSON.stringify(value)} is refused by its name`, () => {
      const field = path.split('.').at(-1) ?? '';
      refuse(guests, (tree) => withLeaf(tree, path, value), new RegExp(`\\.${field} is not`));
    });
  }

  it('the connection and the memory that were saved are taken again', () => {
    const hash = machine.stateHash();
    machine.restoreFile(readMachineFile(file, compressor), compressor);
    assert.equal(machine.stateHash(), hash);
  });

  for (const [field, value] of [
    ['laneTimes', []],
    ['laneTimes', [1, 2]],
    ['runningSince', []],
    ['position', -1],
    ['position', Number.MAX_SAFE_INTEGER],
  ] as const) {
    it(`${field} ${JSON.stringify(value)} is refused by its name`, () => {
      refuse('component loop', (tree) => withLeaf(tree, field, value), new RegExp(`${field} is`));
    });
  }
});

describe('the file of a saved machine', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'hyperscope-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('is written whole', () => {
    const path = join(folder, 'machine');
    const pieces = machineOf().saveFile(compressor, '{}');
    const size = writeSavedMachine(path, pieces, nodePorts);
    assert.deepEqual(new Uint8Array(readFileSync(path)), new Uint8Array(Buffer.concat(pieces)));
    assert.equal(size, readFileSync(path).length);
    assert.deepEqual(readdirSync(folder), ['machine']);
  });

  it('stays as it was where a new one cannot be completed', () => {
    const path = join(folder, 'kept');
    writeFileSync(path, 'the old one');
    const pieces = {
      reduce: () => 10,
      *[Symbol.iterator]() {
        yield new Uint8Array(5);
        throw new RangeError('power failure');
      },
    };
    // Only what is used of the list is there.
    const list = pieces as unknown as readonly Uint8Array[];
    assert.throws(() => writeSavedMachine(path, list, nodePorts), /power failure/);
    assert.equal(readFileSync(path, 'utf8'), 'the old one');
    assert.deepEqual(readdirSync(folder).sort(), ['kept', 'machine']);
  });

  it('is refused where it cannot be written', () => {
    const path = join(folder, 'nowhere', 'machine');
    assertRefused(
      () => writeSavedMachine(path, [], nodePorts),
      ['saved-machine-unwritable'],
      'no folder',
    );
  });
});
