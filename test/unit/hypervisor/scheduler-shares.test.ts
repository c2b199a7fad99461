// Who is on 64 logical processors, against what weights, caps and reserves ask for when time is divided without turns.
import assert from 'node:assert/strict';
import {
  defaultShare,
  ProcessorScheduler,
  type ProcessorShare,
  type ScheduledProcessor,
} from '../../../debug-adapter/hypervisor/processor-scheduler';
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import { StateRecord } from '../../../debug-adapter/support/state-record';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const logicalProcessors = 64;
const seed = seedOf(20_264);
/** Caps hold within each window of 10 ms. */
const windowNs = 10_000_000;
const spanNs = 6 * windowNs;

interface Guest extends Partial<ProcessorShare> {
  readonly processors: number;
}

interface Simulated extends ScheduledProcessor {
  runNs: number;
  readonly guest: number;
}

/** Processors that run whenever they have a turn, as the run loop lets them. */
class Simulation {
  readonly timers = new TimerQueue();
  readonly processors: readonly Simulated[];
  readonly scheduler: ProcessorScheduler;

  constructor(guests: readonly Guest[]) {
    const rows = guests.flatMap(({ processors, ...share }, guest) =>
      Array.from({ length: processors }, () => ({ guest, share: { ...defaultShare, ...share } })),
    );
    this.processors = rows.map(({ guest }) => ({
      guest,
      isRunnable: true,
      timeNs: 0,
      runNs: 0,
      hasTurn: false,
    }));
    this.scheduler = new ProcessorScheduler(
      this.processors,
      rows.map(({ share }) => share),
      logicalProcessors,
      this.timers,
      () => undefined,
    );
  }

  runUntil(endNs: number): void {
    for (;;) {
      const { earliestNs } = this.scheduler;
      const { nextDueNs } = this.timers;
      if (Math.min(earliestNs, nextDueNs) >= endNs) return;
      if (nextDueNs <= earliestNs) this.runTimers(nextDueNs, earliestNs === Infinity);
      else this.runRound(endNs);
    }
  }

  private runTimers(nowNs: number, isIdle: boolean): void {
    if (isIdle) for (const waiting of this.processors) if (!waiting.hasTurn) waiting.timeNs = nowNs;
    this.timers.runDue(nowNs);
    this.scheduler.assign();
  }

  private runRound(endNs: number): void {
    const roundNs = this.scheduler.assign();
    const horizonNs = Math.min(this.scheduler.earliestNs + roundNs, this.timers.nextDueNs, endNs);
    for (const processor of this.processors) {
      if (!processor.hasTurn || processor.timeNs >= horizonNs) continue;
      processor.runNs += horizonNs - processor.timeNs;
      processor.timeNs = horizonNs;
    }
  }

  get runTimes(): readonly number[] {
    return this.processors.map(({ runNs }) => runNs);
  }
}

/** Share of a logical processor that each processor of a guest gets where time is divided as finely as can be. */
function dividedWithoutTurns(guests: readonly Guest[]): readonly number[] {
  const shareAt = ({ weight = 100, cap = 100, reserve = 0 }: Guest, level: number): number =>
    Math.min(cap / 100, Math.max(reserve / 100, weight * level));
  const usedAt = (level: number): number =>
    guests.reduce((sum, guest) => sum + guest.processors * shareAt(guest, level), 0);
  let [low, high] = [0, 1];
  for (let turn = 0; turn < 60; turn++) {
    const middle = (low + high) / 2;
    if (usedAt(middle) < logicalProcessors) low = middle;
    else high = middle;
  }
  return guests.map((guest) => shareAt(guest, high));
}

function randomGuests(random: SeededRandom): readonly Guest[] {
  return Array.from({ length: 3 + random.below(3) }, () => ({
    processors: 16 + random.below(49),
    weight: 50 + random.below(200),
    ...(random.chance(50) ? { cap: 20 + random.below(60) } : {}),
    ...(random.chance(30) ? { reserve: random.below(15) } : {}),
  }));
}

const random = new SeededRandom(seed);
const rows: readonly (readonly [title: string, guests: readonly Guest[]])[] = [
  ['one weight, as many processors as there are', [{ processors: 64 }]],
  [
    'weights and a cap',
    [
      { processors: 64, weight: 100 },
      { processors: 64, weight: 200 },
      { processors: 32, cap: 25 },
    ],
  ],
  [
    'a reserve that the weight would not give',
    [
      { processors: 16, weight: 1, reserve: 50 },
      { processors: 128, weight: 100 },
    ],
  ],
  [
    'caps that leave processors idle',
    [
      { processors: 64, cap: 30 },
      { processors: 64, cap: 50 },
    ],
  ],
  ...Array.from(
    { length: 1 },
    (_, round) => [`random guests ${round}, seed ${seed}`, randomGuests(random)] as const,
  ),
];

describe(`the scheduler of ${logicalProcessors} logical processors`, () => {
  for (const [title, guests] of rows) {
    it(`${title}: caps hold within 2 %, shares within 5 %, and saving changes nothing`, () => {
      const whole = new Simulation(guests);
      whole.runUntil(spanNs / 3);
      whole.runUntil(spanNs);
      const wanted = dividedWithoutTurns(guests);
      const used = whole.runTimes.reduce((sum, ns) => sum + ns, 0) / spanNs;
      const usable = guests.reduce(
        (sum, each, index) => sum + each.processors * (wanted[index] ?? 0),
        0,
      );
      assert.ok(Math.abs(used - usable) <= usable * 0.01, `${used} of ${usable} were used`);
      guests.forEach(({ processors, cap = 100, reserve = 0 }, index) => {
        const own = whole.processors.filter(({ guest }) => guest === index);
        const shares = own.map(({ runNs }) => runNs / spanNs);
        const mean = shares.reduce((sum, share) => sum + share, 0) / processors;
        const ideal = wanted[index] ?? 0;
        assert.ok(Math.max(...shares) <= (cap / 100) * 1.02, `guest ${index}: cap of ${cap} %`);
        assert.ok(Math.min(...shares) >= (reserve / 100) * 0.98, `guest ${index}: ${reserve} %`);
        assert.ok(Math.abs(mean - ideal) <= ideal * 0.05, `guest ${index}: ${mean}, not ${ideal}`);
      });
      const cut = new Simulation(guests);
      cut.runUntil(spanNs / 3);
      const next = new Simulation(guests);
      next.scheduler.restore(new StateRecord(cut.scheduler.save(), 'scheduler'));
      next.timers.restore(new StateRecord(cut.timers.save(), 'timers'));
      next.processors.forEach((processor, index) => {
        const { timeNs, runNs } = cut.processors[index] ?? assert.fail('processor');
        Object.assign(processor, { timeNs, runNs });
      });
      next.runUntil(spanNs);
      assert.deepEqual(next.runTimes, whole.runTimes);
    }).timeout(120_000);
  }
});
