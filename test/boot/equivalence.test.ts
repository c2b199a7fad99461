// A boot does the same whatever its engine, TLB, slices, checkpoints and observers (ARCHITECTURE, invariants 1, 12 and 13).
import assert from 'node:assert/strict';
import { seedOf } from '../support/seeded-random';
import { bootIn, manners, type BootPlan } from './boot-manners';

/** Until behind the start of the second processor; `npm run nightly` goes to the first process, on four. */
const plan: BootPlan = { processors: 2, end: 180_000_000, seed: seedOf(11) };

describe(`a boot in every manner, seed ${plan.seed}`, function () {
  this.timeout(240_000);
  let expected: readonly string[] = [];

  before(() => {
    expected = bootIn({ title: 'as it comes' }, plan).hashes;
    assert.equal(new Set(expected).size, 10);
  });

  for (const manner of manners) {
    it(manner.title, () => {
      const { hashes, hits, events } = bootIn(manner, plan);
      assert.deepEqual(hashes, expected.slice(0, manner.places));
      if (manner.isObserved !== true) return;
      assert.ok(hits >= 1000, `${hits} breakpoints were hit`);
      assert.ok(events >= 10_000, `${events} events were heard`);
    });
  }
});
