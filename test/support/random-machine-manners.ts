/** Ways to run a machine, such as those of `random-machine.ts`, that must all do the same, compared by state hash. */
import { dataTlbEntriesMax } from '../../debug-adapter/cpu/memory-map';
import type { TraceEvent, TraceSink } from '../../debug-adapter/machine/trace';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import type { RunOutcome, RunRequest } from '../../debug-adapter/system/run-types';
import { Timeline } from '../../debug-adapter/timeline/timeline';
import { processorsMax, randomMachine } from './random-machine';
import { SeededRandom } from './seeded-random';

/** How a machine is run: none of it may change what happens. */
interface MachineManner {
  readonly title: string;
  readonly tlbEntries: number;
  readonly hotCount: number;
  /** Steps asked for at once, at most; absent for all of them. */
  readonly slice?: number;
  /** Steps between checkpoints; absent for a machine without a timeline. */
  readonly checkpointInterval?: number;
  /** At every place it goes back by some steps, and forward again. */
  readonly goesBack?: boolean;
  /** At every place another machine goes on with its saved state. */
  readonly moves?: boolean;
  /** Listens to every trace event. */
  readonly isObserved?: boolean;
}

const reference: MachineManner = {
  title: 'interpreted at once',
  tlbEntries: dataTlbEntriesMax,
  hotCount: 0,
};

export const machineManners: readonly MachineManner[] = [
  { title: 'interpreted, small TLB', tlbEntries: 64, hotCount: 0 },
  { title: 'single steps', tlbEntries: dataTlbEntriesMax, hotCount: 0, slice: 1 },
  {
    title: 'interpreted in slices, observed',
    tlbEntries: 64,
    hotCount: 0,
    slice: 97,
    isObserved: true,
  },
  { title: 'translated at once', tlbEntries: dataTlbEntriesMax, hotCount: 1 },
  { title: 'translated at once, small TLB, in slices', tlbEntries: 64, hotCount: 1, slice: 1009 },
  { title: 'translated where hot', tlbEntries: dataTlbEntriesMax, hotCount: 20 },
  { title: 'moved from machine to machine', tlbEntries: 256, hotCount: 5, moves: true },
  {
    title: 'translated, back and forth',
    ...{ tlbEntries: 64, hotCount: 3, checkpointInterval: 700, goesBack: true },
  },
];

const placesEach = 5;

interface Runnable {
  readonly position: number;
  run(request: RunRequest): RunOutcome;
  stateHash(): string;
}

class ExitCounter implements TraceSink {
  count = 0;
  record(event: TraceEvent): void {
    if (event.kind === 'vm-exit') this.count++;
  }
}

/** Runs until a position or the machine's end. */
function runTo(runnable: Runnable, position: number, slice: () => number): string {
  let stop: RunOutcome['stop'] = { kind: 'budget' };
  while (runnable.position < position && stop.kind === 'budget') {
    ({ stop } = runnable.run({ maxSteps: Math.min(position - runnable.position, slice()) }));
  }
  return stop.kind;
}

function goBack(timeline: Timeline, steps: number): void {
  const { position } = timeline;
  for (const travel = timeline.travelTo(Math.max(0, position - steps)); !travel.next().done;);
  runTo(timeline, position, () => Infinity);
}

/** Makes a machine in its initial state. */
type MachineMaker = (options: Pick<MachineManner, 'tlbEntries' | 'hotCount'>) => PhysicalMachine;

/** The stop, position and hash at every place, and how many exits there were. */
function outcomesOf(
  maker: MachineMaker,
  seed: number,
  steps: number,
  manner: MachineManner,
): [string[], number] {
  const { slice, checkpointInterval: interval } = manner;
  const make = (): PhysicalMachine => maker(manner);
  const counter = new ExitCounter();
  const ways = new SeededRandom(seed + 1);
  let machine = make();
  machine.trace.forwardTo(counter, manner.isObserved === true ? undefined : ['vm-exit']);
  const timeline = interval === undefined ? undefined : new Timeline(machine, { interval });
  let runnable: Runnable = timeline ?? machine;
  const outcomes: string[] = [];
  for (let place = 1; place <= placesEach; place++) {
    const position = Math.round((steps * place) / placesEach);
    const nextSlice = (): number => (slice === undefined ? Infinity : 1 + ways.below(slice));
    const stop = runTo(runnable, position, nextSlice);
    if (timeline !== undefined && manner.goesBack === true) goBack(timeline, ways.below(3000));
    outcomes.push(`${stop} at ${runnable.position}: ${runnable.stateHash()}`);
    if (stop !== 'budget') break;
    if (manner.moves !== true) continue;
    const saved = machine.save();
    machine = make();
    machine.restore(saved);
    runnable = machine;
  }
  return [outcomes, counter.count];
}

/** What differs from the reference, by manner, with the first place that does. */
interface MannerComparison {
  readonly different: readonly string[];
  readonly exits: number;
  readonly steps: number;
}

/** Compares the manners of a machine over its first steps; the seed decides how they are cut. */
export function compareMannersOf(
  maker: MachineMaker,
  seed: number,
  steps: number,
): MannerComparison {
  const [expected, exits] = outcomesOf(maker, seed, steps, reference);
  const different = machineManners.flatMap((manner) => {
    const [found] = outcomesOf(maker, seed, steps, manner);
    const at = expected.findIndex((line, index) => line !== found[index]);
    return at < 0 ? [] : [`${manner.title}: ${found[at] ?? 'nothing'}, not ${expected[at] ?? ''}`];
  });
  const last = /at (\d+):/.exec(expected.at(-1) ?? '');
  return { different, exits, steps: Number(last?.[1] ?? 0) };
}

/** The same for a random machine. */
export function compareManners(seed: number, steps: number): MannerComparison {
  const processors = 1 + (seed % processorsMax);
  const maker: MachineMaker = ({ tlbEntries, hotCount }) =>
    randomMachine(new SeededRandom(seed), processors, { tlbEntries, hotCount });
  return compareMannersOf(maker, seed, steps);
}
