// Steps back from random points of a boot on four processors: a step and a step back lead to the same state.
import assert from 'node:assert/strict';
import { Timeline } from '../../debug-adapter/timeline/timeline';
import { SeededRandom } from '../support/seeded-random';
import { bootMachine, runToPosition } from './debian-guest';

/** Where steps are taken. */
export interface TravelPlan {
  readonly seed: number;
  readonly points: number;
  /** Positions from `start` on; the boot runs there first. */
  readonly start: number;
  readonly length: number;
}

const processors = 4;
/** Of the window: close enough that going to a point costs less than hashing there. */
const checkpointInterval = 100_000;

function goTo(timeline: Timeline, position: number): void {
  for (const travel = timeline.travelTo(position); travel.next().done !== true;);
}

/**
 * Goes to every point, takes a step, and steps back.
 * @throws AssertionError with seed and position where the state is another one
 */
export function stepBackEverywhere({ seed, points, start, length }: TravelPlan): void {
  const random = new SeededRandom(seed);
  const timeline = new Timeline(bootMachine({ processors }), { interval: Infinity });
  runToPosition(timeline, start);
  timeline.checkpointInterval = checkpointInterval;
  runToPosition(timeline, start + length);
  // In order, so that neighbours share a checkpoint: going to one then costs little more than a replay.
  const positions = Array.from({ length: points }, () => start + random.below(length));
  for (const position of positions.sort((a, b) => a - b)) {
    const place = `seed ${seed}, position ${position}`;
    goTo(timeline, position);
    const before = timeline.stateHash();
    assert.ok(timeline.step(), place);
    assert.equal(timeline.position, position + 1, place);
    assert.notEqual(timeline.stateHash(), before, place);
    goTo(timeline, position);
    assert.equal(timeline.stateHash(), before, place);
  }
}
