// Saved machines of which one leaf is not what was saved: each is refused by name, or gives a machine that runs and saves.
import assert from 'node:assert/strict';
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import { nodePorts } from '../../debug-adapter/host/node-ports';
import { ApicRegister } from '../../debug-adapter/spec/x86/local-apic';
import {
  decodeStateTree,
  encodeStateTree,
  type StateNode,
} from '../../debug-adapter/support/state-tree';
import { UserError } from '../../debug-adapter/support/user-error';
import type { GuestConfiguration } from '../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../debug-adapter/system/virtual-time-costs';
import { BusGuest } from './bus-guest';
import { treesOf, withTree } from './altered-file';
import { changed, hostileNodes, nodeAt, pathsOf } from './hostile-tree';
import { code, counterOf, interruptGuest, startUpVector } from './interrupt-guest';
import { SeededRandom } from './seeded-random';

const timerVector = 0x40;
const firstGuest = 2;
const stepsAfterwards = 2000;
/** A machine that stops without a step more often than this has come to an end. */
const callsMost = 100;

const identify = code.writeMsr(0x40000000, 1n) + code.writeMsr(0x40000001, 0x60001n);
const periodicTimer =
  code.writeApic(ApicRegister.SVR, 0x1ff) +
  code.writeApic(ApicRegister.TIMER_DIVIDE, 0xb) +
  code.writeApic(ApicRegister.LVT_TIMER, timerVector | 0x20000) +
  code.writeApic(ApicRegister.TIMER_INITIAL_COUNT, 7000) +
  code.sti;
const startOthers =
  code.writeApic(ApicRegister.ICR_LOW, 0xc4500) +
  code.writeApic(ApicRegister.ICR_LOW, 0xc4600 | startUpVector);
const waits = code.haltUntil(counterOf(timerVector), 4000) + code.exit(0);
const counts = 'f0 ff 06 0005 f4 eb f9';
const spins = 'ff c9 eb fc';

const usualShare = { weight: 100, cap: 100, reserve: 0 };

/** Machines whose states have most of what a state can have, and the steps after which they are saved. */
export const savedMachines: readonly {
  readonly name: string;
  readonly steps: number;
  readonly guests: readonly GuestConfiguration[];
  readonly logicalProcessors?: number;
  /** The first guest has been paused for the second half of the steps; it goes on in what is taken. */
  readonly isPaused?: boolean;
}[] = [
  {
    name: 'two processors, a periodic timer and an overlay',
    steps: 6000,
    guests: [
      interruptGuest({
        boot: identify + periodicTimer + startOthers + waits,
        startUp: counts,
        processorCount: 2,
      }),
    ],
  },
  {
    name: 'a guest with its chips, on VMBus, with an open channel',
    steps: 20_000,
    guests: [
      interruptGuest({
        boot: new BusGuest().connect().open(1).boot,
        options: { vmbus: true },
      }),
    ],
  },
  {
    name: 'guests that share a logical processor, one with a cap',
    steps: 30_000,
    guests: [
      { ...interruptGuest({ boot: periodicTimer + waits }), share: { ...usualShare, weight: 300 } },
      { ...interruptGuest({ boot: spins }), share: { ...usualShare, cap: 30 } },
    ],
    logicalProcessors: 1,
  },
  {
    name: 'a guest that is paused while another runs',
    steps: 12_000,
    guests: [
      interruptGuest({
        boot: identify + periodicTimer + startOthers + waits,
        startUp: counts,
        processorCount: 2,
      }),
      interruptGuest({ boot: spins }),
    ],
    isPaused: true,
  },
];

type SavedMachine = (typeof savedMachines)[number];

function machineOf({ guests, steps, logicalProcessors, isPaused }: SavedMachine): PhysicalMachine {
  const sharing = logicalProcessors === undefined ? {} : { logicalProcessors };
  const machine = new PhysicalMachine(
    { guests, costs: defaultCosts, ...sharing },
    { codeHost: webAssemblyCodeHost, compressor: nodePorts.compressor },
  );
  if (isPaused !== true) {
    advance(machine, steps);
    return machine;
  }
  advance(machine, steps / 2);
  machine.accept({ kind: 'pause-partition', partition: firstGuest });
  advance(machine, steps / 2);
  return machine;
}

function advance(machine: PhysicalMachine, steps: number): void {
  const end = machine.position + steps;
  for (let calls = 0; machine.position < end && calls < callsMost; calls++) {
    const before = machine.position;
    machine.run({ maxSteps: end - before });
    if (machine.position === before) return;
  }
}

/** A saved state that is changed leaf by leaf, and the machine that is to take it. */
interface Subject {
  readonly machine: PhysicalMachine;
  /** Its parts by name. */
  readonly trees: ReadonlyMap<string, StateNode>;
  /** @throws UserError where the state is refused, with nothing changed */
  restore(part: string, tree: StateNode): void;
}

/** The whole machine; guest RAM, its map and the inputs are judged by tests of their own. */
function wholeMachine(saved: SavedMachine): Subject {
  const machine = machineOf(saved);
  const whole = decodeStateTree(machine.save());
  return {
    machine,
    trees: new Map(
      ['loop', 'timers', 'guests', 'parent'].map((part) => [part, nodeAt(whole, [part])]),
    ),
    restore: (part, tree) => machine.restore(encodeStateTree(changed(whole, [part], () => tree))),
  };
}

/** One guest by itself, as a file. */
function oneGuest(saved: SavedMachine): Subject {
  const machine = machineOf(saved);
  const partition = firstGuest;
  const file = new Uint8Array(Buffer.concat(machine.saveGuestFile(partition)));
  return {
    machine,
    trees: treesOf(file, (name) => name.startsWith('component ')),
    restore: (part, tree) => {
      const changedFile = withTree(file, part, tree);
      machine.accept({
        kind: 'restore-partition',
        partition,
        digest: 'of a test',
        file: changedFile,
      });
    },
  };
}

/** What is saved and restored. */
export const savedSubjects = { 'the whole machine': wholeMachine, 'a guest': oneGuest } as const;

/** How many of the changed states were taken, and how many refused. */
export interface HostileSaves {
  taken: number;
  refused: number;
}

/** How much is tried: all changes of a leaf or one, of all leaves or of so many percent. */
export interface HostileExtent {
  readonly seed: number;
  readonly percent: number;
  readonly isEveryChange: boolean;
}

/**
 * Changes the leaves of a saved state one by one.
 * @throws AssertionError where the machine fails in another way than by refusing the state, or is not as before then
 */
export function tryHostileSaves(
  { machine, trees, restore }: Subject,
  { seed, percent, isEveryChange }: HostileExtent,
): HostileSaves {
  const random = new SeededRandom(seed);
  const saved = machine.save();
  const hash = machine.stateHash();
  const result: HostileSaves = { taken: 0, refused: 0 };
  for (const [part, tree] of trees) {
    for (const path of pathsOf(tree, random)) {
      if (path.length === 0 || !random.chance(percent)) continue;
      const all = hostileNodes(nodeAt(tree, path), random);
      const chosen = isEveryChange ? all : [all[random.below(all.length)]];
      for (const node of chosen) {
        const what = `seed ${seed}: ${part}.${path.join('.')} ${describe(node)}`;
        const next = changed(tree, path, () => node);
        const isTaken = takes(machine, () => restore(part, next), what);
        if (isTaken) machine.restore(saved);
        result[isTaken ? 'taken' : 'refused']++;
        assert.equal(machine.stateHash(), hash, `the machine is as before, ${what}`);
      }
    }
  }
  return result;
}

function describe(node: unknown): string {
  return node === undefined ? 'is missing' : `is ${String(node).slice(0, 60)}`;
}

/** Whether the machine takes the state; it has run and saved then. */
function takes(machine: PhysicalMachine, restore: () => void, what: string): boolean {
  try {
    restore();
  } catch (error) {
    // What no state can hold is no state.
    if (error instanceof UserError && error.id === 'state-not-integer') return false;
    const isRefusal = error instanceof UserError && error.id.startsWith('saved-');
    assert(isRefusal, `${what}: ${String(error)}`);
    assert.match(error.message, /\bsaved\b/, what);
    return false;
  }
  try {
    if (machine.guests[0]?.isSuspended === true && machine.guests[0].end === undefined) {
      machine.accept({ kind: 'resume-partition', partition: firstGuest });
    }
    advance(machine, stepsAfterwards);
    machine.save();
  } catch (error) {
    assert.fail(`${what}: ${String(error)}`);
  }
  return true;
}
