// Ways to run one boot that must all do the same, and the state hashes on its way.
import type { TraceEvent, TraceSink } from '../../debug-adapter/machine/trace';
import { readKallsyms } from '../../debug-adapter/debugger/guest-awareness/linux-kallsyms';
import { readBzImage } from '../../debug-adapter/system/boot/bz-image';
import { unpackKernel } from '../../debug-adapter/system/boot/kernel-payload';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { Timeline } from '../../debug-adapter/timeline/timeline';
import { nodeDecompressor } from '../../debug-adapter/host/node-decompressor';
import { SeededRandom } from '../support/seeded-random';
import { bootMachine, debianFiles, runToPosition, type BootOptions } from './debian-guest';

/** How a boot is run: none of it may change what happens. */
export interface Manner extends Pick<BootOptions, 'hotCount' | 'tlbEntries'> {
  readonly title: string;
  /** Steps asked for at once, at most. */
  readonly slice?: number;
  /** Steps between checkpoints; absent for a machine without a timeline. */
  readonly checkpointInterval?: number;
  /** Listens to every trace event and stops at kernel functions. */
  readonly isObserved?: boolean;
  /** Of the ten places where hashes are compared, only so many: for what is slow. */
  readonly places?: number;
  /** Half way the state is saved, and another machine goes on with it. */
  readonly movesHalfWay?: boolean;
}

/** Every axis: engine, size of the TLB, slices, checkpoints, observers, save and restore. */
export const manners: readonly Manner[] = [
  { title: 'once more' },
  { title: 'interpreted, small TLB', hotCount: 0, tlbEntries: 64 },
  { title: 'translated at once, in slices', hotCount: 1, slice: 1_000_003, places: 3 },
  {
    title: 'with a checkpoint every 10,000,000, small TLB',
    tlbEntries: 64,
    checkpointInterval: 10e6,
  },
  { title: 'with all traces and 100 breakpoints', isObserved: true },
  { title: 'saved half way and restored in another machine', movesHalfWay: true },
];

/** More of them, for when there is time. */
export const furtherManners: readonly Manner[] = [
  { title: 'interpreted', hotCount: 0 },
  { title: 'translated at once, small TLB', hotCount: 1, tlbEntries: 64 },
  { title: 'with a checkpoint every 100,000', checkpointInterval: 100_000 },
  { title: 'with a checkpoint every 50,000,000', checkpointInterval: 50e6 },
  { title: 'interpreted, with all traces and 100 breakpoints', hotCount: 0, isObserved: true },
  { title: 'in slices of up to 10,007', slice: 10_007 },
];

/** The boot that is compared. */
export interface BootPlan {
  readonly processors: number;
  /** Last position; hashes are taken at ten positions up to it. */
  readonly end: number;
  /** For the slices, and for where the hashes are taken. */
  readonly seed: number;
}

/** Functions that every boot calls often; the others are taken from the whole table. */
const busyFunctions = [
  ...['memset', 'memcpy', 'kfree', '__kmalloc', 'kmem_cache_alloc', '__schedule', 'vsnprintf'],
  ...['strlen', 'strcmp', 'console_unlock', 'ktime_get', 'tick_sched_timer', 'rcu_sched_clock_irq'],
  ...['asm_sysvec_apic_timer_interrupt', 'asm_exc_page_fault', 'scheduler_tick', 'kobject_add'],
];
const breakpointCount = 100;

/** Addresses of kernel functions, from the kernel's own table. */
export function breakpointAddresses(seed: number): ReadonlySet<bigint> {
  const { image } = debianFiles();
  const kernel = unpackKernel(image, readBzImage(image), nodeDecompressor);
  const symbols = readKallsyms(kernel.bytes)?.symbols ?? [];
  const functions = symbols.filter(
    ({ kind, name }) => kind === 'code' && !name.startsWith('__pfx'),
  );
  const busy = functions.filter(({ name }) => busyFunctions.includes(name));
  const addresses = new Set(busy.map(({ address }) => address));
  const random = new SeededRandom(seed);
  while (addresses.size < breakpointCount) addresses.add(random.pick(functions).address);
  return addresses;
}

/** What one manner of running gave. */
export interface BootOutcome {
  /** "position: hash", ten of them. */
  readonly hashes: readonly string[];
  /** Breakpoints that were hit. */
  readonly hits: number;
  /** Trace events that were heard. */
  readonly events: number;
}

/** Ten positions up to the end of the plan, at no round numbers. */
export function positionsOf({ end, seed }: BootPlan): readonly number[] {
  const random = new SeededRandom(seed);
  const places = 10;
  return Array.from({ length: places }, (_, index) => {
    const last = Math.round((end * (index + 1)) / places);
    return index + 1 === places ? last : last - random.below(Math.round(end / places / 2));
  });
}

class EventCounter implements TraceSink {
  count = 0;
  record(event: TraceEvent): void {
    if (event.position >= 0) this.count++;
  }
}

/** A machine as `manner` has it; the counter hears its trace where it is observed. */
function makeMachine(plan: BootPlan, manner: Manner, counter: EventCounter): PhysicalMachine {
  const { hotCount, tlbEntries, isObserved = false } = manner;
  const machine = bootMachine({
    processors: plan.processors,
    ...(hotCount === undefined ? {} : { hotCount }),
    ...(tlbEntries === undefined ? {} : { tlbEntries }),
  });
  if (!isObserved) return machine;
  machine.trace.forwardTo(counter);
  const addresses = breakpointAddresses(plan.seed);
  for (const { processors } of machine.guests) {
    for (const { core } of processors) core.setBreakpoints(addresses);
  }
  return machine;
}

/** Boots in one manner. @throws Error where the guest ends on the way */
export function bootIn(manner: Manner, plan: BootPlan): BootOutcome {
  const counter = new EventCounter();
  const random = new SeededRandom(plan.seed);
  const { slice, checkpointInterval: interval, movesHalfWay = false, places } = manner;
  let machine = makeMachine(plan, manner, counter);
  let runnable = interval === undefined ? machine : new Timeline(machine, { interval });
  let hits = 0;
  const hashes: string[] = [];
  for (const position of positionsOf(plan).slice(0, places)) {
    const sliceSteps = slice === undefined ? undefined : () => 1 + random.below(slice);
    hits += runToPosition(runnable, position, sliceSteps);
    hashes.push(`${runnable.position}: ${runnable.stateHash()}`);
    if (!movesHalfWay || hashes.length !== 5) continue;
    const saved = machine.save();
    machine = makeMachine(plan, manner, counter);
    machine.restore(saved);
    runnable = machine;
  }
  return { hashes, hits, events: counter.count };
}
