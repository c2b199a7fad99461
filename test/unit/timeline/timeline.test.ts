/** Timelines of real machines: any position comes back exactly, inputs repeat, a new input in the past is a new future. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import type { HostInput } from '../../../debug-adapter/machine/host-input';
import { InvariantError } from '../../../debug-adapter/support/assert';
import { UserError } from '../../../debug-adapter/support/user-error';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../../debug-adapter/system/virtual-time-costs';
import {
  Timeline,
  type TimelineOptions,
  type Travel,
} from '../../../debug-adapter/timeline/timeline';
import { SeededRandom, seedOf } from '../../support/seeded-random';

function timelineOf(names: readonly string[], options?: TimelineOptions): Timeline {
  const guests = names.map((name) => {
    const path = `guests/${name}/${name}.elf`;
    const image = { path, bytes: readFileSync(path) };
    return { name, memoryBytes: 4 * 1024 * 1024, image, commandLine: '' };
  });
  const machine = new PhysicalMachine(
    { guests, costs: defaultCosts },
    { codeHost: webAssemblyCodeHost, hotCount: 20 },
  );
  return new Timeline(machine, options);
}

function runTo(timeline: Timeline, position: number): void {
  while (timeline.position < position) {
    const { steps, stop } = timeline.run({ maxSteps: position - timeline.position });
    assert(steps > 0, `stuck at ${timeline.position}: ${stop.kind}`);
  }
}

function finish<Result>(travel: Travel<Result>): Result {
  for (;;) {
    const next = travel.next();
    if (next.done === true) return next.value;
  }
}

const goTo = (timeline: Timeline, position: number): void => finish(timeline.travelTo(position));

const edit = (value: bigint): HostInput => ({
  kind: 'edit-gpr',
  partition: 2,
  processor: 0,
  register: 13,
  value,
});

const guestsUnderTest: readonly (readonly string[])[] = [
  ['hello-partition'],
  ['page-fault-lab'],
  ['exit-loop'],
  ['spin', 'exit-loop', 'spin'],
  ['hello-partition', 'exit-loop', 'spin'],
];

describe('timeline', function () {
  this.timeout(120_000);

  for (const names of guestsUnderTest) {
    it(`${names.join(' + ')}: random positions come back, however dense the checkpoints are`, () => {
      const seed = seedOf(20_263);
      const random = new SeededRandom(seed);
      const end = names.length > 1 ? 90_000 : 3000;
      const wanted = Array.from({ length: 40 }, () => random.below(end));
      const hashes = new Map<number, string>();
      const plain = timelineOf(names, { interval: Infinity });
      for (const position of [...wanted].sort((a, b) => a - b)) {
        runTo(plain, position);
        hashes.set(position, plain.stateHash());
      }
      runTo(plain, end);
      const endHash = plain.stateHash();
      for (const interval of [100, 1000, Infinity]) {
        const timeline = timelineOf(names, { interval });
        runTo(timeline, end);
        assert.equal(timeline.stateHash(), endHash, `seed ${seed}, interval ${interval}`);
        for (const position of wanted) {
          goTo(timeline, position);
          assert.equal(timeline.position, position);
          assert.equal(timeline.stateHash(), hashes.get(position), `seed ${seed}, at ${position}`);
          assert.equal(timeline.endPosition, end);
        }
        goTo(timeline, end);
        assert.equal(timeline.stateHash(), endHash, `seed ${seed}, interval ${interval}`);
      }
    });
  }

  it('repeats recorded inputs, and then goes on live', () => {
    const timeline = timelineOf(['hello-partition'], { interval: 50 });
    for (const position of [100, 300, 301, 700]) {
      runTo(timeline, position);
      timeline.accept(edit(BigInt(position)));
    }
    runTo(timeline, 900);
    const [hash, inputs] = [timeline.stateHash(), timeline.machine.inputs];
    goTo(timeline, 50);
    assert.equal(timeline.machine.inputs.length, 0);
    assert(timeline.isInPast);
    timeline.run({ maxSteps: 850 });
    assert.deepEqual([timeline.position, timeline.stateHash()], [900, hash]);
    assert.deepEqual(timeline.machine.inputs, inputs);
    assert(!timeline.isInPast);
    goTo(timeline, 1200);
    assert.equal(timeline.endPosition, 1200);
  });

  it('an input in the past begins a new future and keeps the old one as a branch', () => {
    const timeline = timelineOf(['hello-partition'], { interval: 100 });
    runTo(timeline, 600);
    assert.equal(timeline.accept(edit(1n)), undefined);
    runTo(timeline, 1000);
    goTo(timeline, 400);
    const branch = timeline.accept(edit(2n));
    assert.deepEqual(
      [branch?.name, branch?.forkPosition, branch?.endPosition, branch?.inputs.length],
      ['branch 1', 400, 1000, 1],
    );
    assert.deepEqual(timeline.branches, [branch]);
    assert.equal(timeline.endPosition, 401);
    assert(timeline.checkpointPositions.every((position) => position <= 400));
    runTo(timeline, 1000);
    const other = timelineOf(['hello-partition']);
    runTo(other, 400);
    other.accept(edit(2n));
    runTo(other, 1000);
    assert.equal(timeline.stateHash(), other.stateHash());
  });

  it('an impossible input in the past changes nothing, not even the future', () => {
    const timeline = timelineOf(['hello-partition']);
    runTo(timeline, 1000);
    const rows = timeline.trace.exits.recorded;
    goTo(timeline, 400);
    const bad: HostInput = { kind: 'edit-rip', partition: 2, processor: 0, value: 1n << 60n };
    assert.throws(() => timeline.accept(bad), UserError);
    assert.deepEqual([timeline.endPosition, timeline.branches.length], [1000, 0]);
    runTo(timeline, 1000);
    assert.equal(timeline.trace.exits.recorded, rows);
  });

  it('every event is recorded and passed on once; a new future replaces the rows behind the fork', () => {
    const timeline = timelineOf(['hello-partition'], { interval: 300 });
    let heard = '';
    timeline.trace.forwardTo({
      record: (event) => {
        if (event.kind === 'console') heard += String.fromCharCode(...event.data);
      },
    });
    runTo(timeline, 2500);
    const before = heard;
    const exits = timeline.trace.exits.query(0, 65_536);
    for (const position of [10, 2400, 1200, 700]) {
      goTo(timeline, position);
      runTo(timeline, 2500);
    }
    assert.equal(heard, before);
    assert.deepEqual(timeline.trace.exits.query(0, 65_536), exits);
    goTo(timeline, 1200);
    timeline.accept(edit(3n));
    const kept = exits.filter((exit) => exit.position <= 1200);
    assert.deepEqual(timeline.trace.exits.query(0, 65_536), kept);
    runTo(timeline, 2500);
    assert(timeline.trace.exits.recorded > kept.length);
    assert(heard.length > before.length);
  });

  it('notices that the past does not repeat', () => {
    const timeline = timelineOf(['hello-partition'], { interval: 100 });
    runTo(timeline, 1000);
    goTo(timeline, 450);
    const state = timeline.guests[0]?.processors[0]?.state;
    state?.setGpr(12, 0x1234n);
    assert.throws(() => timeline.run({ maxSteps: 500 }), InvariantError);
  });

  it('says which positions there are not', () => {
    const timeline = timelineOf(['triple-fault']);
    assert.throws(() => goTo(timeline, -1), UserError);
    assert.throws(() => goTo(timeline, 1.5), UserError);
    assert.throws(() => goTo(timeline, 1_000_000), UserError);
  });

  it('stays within its limits, with the first checkpoint and dense ones near the present', () => {
    const limits = { checkpoints: 24, bytes: 512 * 1024 };
    const timeline = timelineOf(['spin', 'exit-loop'], { interval: 1000, limits });
    runTo(timeline, 300_000);
    const positions = timeline.checkpointPositions;
    assert(positions.length <= 24 && timeline.checkpointBytes <= limits.bytes);
    const gaps = positions.slice(1).map((position, index) => position - (positions[index] ?? 0));
    assert.equal(positions[0], 0);
    assert.equal(gaps.at(-1), 1000);
    assert((gaps[0] ?? 0) > 8000, `first gap ${gaps[0]}`);
  });

  it('searches backwards through all windows', () => {
    const timeline = timelineOf(['hello-partition'], { interval: 100 });
    runTo(timeline, 2000);
    const exits = timeline.trace.exits.query(0, 65_536).map(({ position }) => position);
    const scan = (wanted: (position: number) => boolean) =>
      function* (end: number): Travel<number | undefined> {
        let last: number | undefined;
        while (timeline.position < end) {
          const { stop } = timeline.run({
            maxSteps: end - timeline.position,
            stopAtExit: () => true,
          });
          if (stop.kind === 'exit' && wanted(timeline.position)) last = timeline.position;
          yield;
        }
        return last;
      };
    assert.equal(
      finish(
        timeline.lastBefore(
          2000,
          scan(() => true),
        ),
      ),
      exits.at(-1),
    );
    goTo(timeline, 2000);
    assert.equal(
      finish(
        timeline.lastBefore(
          2000,
          scan((at) => at < 300),
        ),
      ),
      exits.filter((at) => at < 300).at(-1),
    );
    assert.equal(
      finish(
        timeline.lastBefore(
          2000,
          scan(() => false),
        ),
      ),
      undefined,
    );
  });
});
