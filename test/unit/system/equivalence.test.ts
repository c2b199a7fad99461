// A whole machine does the same with any TLB size, engine, way to cut the run, and number of checkpoints (decision 3).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dataTlbEntriesMax } from '../../../debug-adapter/cpu/memory-map';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import type { RunOutcome, RunRequest } from '../../../debug-adapter/system/run-types';
import { Timeline } from '../../../debug-adapter/timeline/timeline';
import { SeededRandom, seedOf } from '../../support/seeded-random';

/** How a guest is run: none of it may change what happens. */
interface Manner {
  readonly title: string;
  readonly tlbEntries: number;
  readonly hotCount: number;
  /** Steps asked for at once, at most; undefined for all of them. */
  readonly slice?: number;
  /** Steps between checkpoints; undefined for a machine without a timeline. */
  readonly checkpointInterval?: number;
}

const reference: Manner = {
  title: 'interpreted at once',
  tlbEntries: dataTlbEntriesMax,
  hotCount: 0,
};

const manners: readonly Manner[] = [
  { title: 'interpreted, small TLB', tlbEntries: 64, hotCount: 0 },
  { title: 'interpreted in slices, small TLB', tlbEntries: 64, hotCount: 0, slice: 997 },
  { title: 'translated', tlbEntries: dataTlbEntriesMax, hotCount: 20 },
  { title: 'translated, small TLB', tlbEntries: 64, hotCount: 20 },
  { title: 'translated at once in slices, small TLB', tlbEntries: 64, hotCount: 1, slice: 3001 },
  {
    title: 'interpreted, a checkpoint every 1,000',
    tlbEntries: dataTlbEntriesMax,
    hotCount: 0,
    checkpointInterval: 1000,
  },
  {
    title: 'translated, a checkpoint every 1,000',
    tlbEntries: 64,
    hotCount: 20,
    checkpointInterval: 1000,
  },
  {
    title: 'translated, one checkpoint',
    tlbEntries: dataTlbEntriesMax,
    hotCount: 20,
    checkpointInterval: Infinity,
  },
  {
    title: 'translated, a checkpoint every 10,000,000',
    tlbEntries: dataTlbEntriesMax,
    hotCount: 20,
    checkpointInterval: 10_000_000,
  },
];

const stepsMax = 4_000_000;
/** Where hashes are compared on the way; the last is behind the end of every guest. */
const places = [1, 50_000, 400_000, stepsMax];
const memoryBytes = 8 << 20;

/** Each with how it ends and the steps it takes at least, so that all of it is known to have run. */
const guests = [
  {
    name: 'stale-translations',
    path: 'test/fixtures/stale-translations/stale-translations.elf',
    end: 'guest-exit',
    steps: 1_000_000,
  },
  {
    name: 'page-fault-lab',
    path: 'guests/page-fault-lab/page-fault-lab.elf',
    end: 'halted',
    steps: 1000,
  },
  { name: 'string-io', path: 'guests/string-io/string-io.elf', end: 'guest-exit', steps: 400 },
  {
    name: 'triple-fault',
    path: 'guests/triple-fault/triple-fault.elf',
    end: 'triple-fault',
    steps: 3,
  },
];

interface Runnable {
  readonly position: number;
  run(request: RunRequest): RunOutcome;
  stateHash(): string;
}

/** The stop, position and hash at every place, and what the guest printed. */
function outcomesOf(path: string, manner: Manner, random: SeededRandom): string[] {
  const { tlbEntries, hotCount, slice, checkpointInterval: interval } = manner;
  const image = { path, bytes: readFileSync(path) };
  const machine = new PhysicalMachine(
    configureSingleGuest({ name: path, memoryBytes, image, commandLine: '' }),
    { codeHost: webAssemblyCodeHost, tlbEntries, hotCount },
  );
  const runnable: Runnable = interval === undefined ? machine : new Timeline(machine, { interval });
  const outcomes: string[] = [];
  let stop: RunOutcome['stop'] = { kind: 'budget' };
  for (const place of places) {
    while (runnable.position < place && stop.kind === 'budget') {
      const left = place - runnable.position;
      const maxSteps = slice === undefined ? left : Math.min(left, 1 + random.below(slice));
      ({ stop } = runnable.run({ maxSteps }));
    }
    outcomes.push(`${stop.kind} at ${runnable.position}: ${runnable.stateHash()}`);
  }
  return outcomes;
}

describe('equivalence of whole machines', () => {
  const seed = seedOf(27);

  for (const { name, path, end, steps } of guests) {
    let expected: string[] = [];

    it(`${name}: ${reference.title}`, () => {
      expected = outcomesOf(path, reference, new SeededRandom(seed));
      const [, kind, position] = /^(\S+) at (\d+):/.exec(expected.at(-1) ?? '') ?? [];
      assert.equal(kind, end);
      assert.ok(Number(position) >= steps, `${position} steps`);
    }).timeout(60_000);

    for (const manner of manners) {
      it(`${name}: ${manner.title}, seed ${seed}`, () => {
        assert.deepEqual(outcomesOf(path, manner, new SeededRandom(seed)), expected);
      }).timeout(120_000);
    }
  }
});
