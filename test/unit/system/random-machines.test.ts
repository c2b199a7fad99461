// Random programs on whole machines do the same however they are run: engines, single steps, slices, TLBs, checkpoints.
import assert from 'node:assert/strict';
import { compareManners, machineManners } from '../../support/random-machine-manners';
import { seedOf } from '../../support/seeded-random';

describe('random programs on machines with several processors', function () {
  this.timeout(120_000);
  const first = seedOf(7003);
  for (let seed = first; seed < first + 3; seed++) {
    it(`${machineManners.length} manners, seed ${seed}`, () => {
      const { different, exits } = compareManners(seed, 30_000);
      assert.deepEqual(different, []);
      assert.ok(exits > 20, `${exits} exits`);
    });
  }
});
