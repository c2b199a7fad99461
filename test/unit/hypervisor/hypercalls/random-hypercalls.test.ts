/** A slice of `npm run nightly:hypercalls`: none throws, none leaves its partition, none answers what it may not. */
import assert from 'node:assert/strict';
import { possibleStatuses, runRandomHypercalls } from './random-hypercalls';

const seed = 20_261_128;
const calls = 10_000;

describe('random hypercalls', () => {
  it(`${calls} of seed ${seed}`, () => {
    const counts = runRandomHypercalls(seed, calls);
    const hit = possibleStatuses().filter((pair) => counts.has(pair));
    assert(hit.length > possibleStatuses().length / 2, `${hit.length} pairs`);
  }).timeout(30_000);
});
