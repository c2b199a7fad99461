// A hostile saved state can neither break the adapter nor its machine: leaves are changed by chance (decision 107).
import assert from 'node:assert/strict';
import { savedMachines, savedSubjects, tryHostileSaves } from '../../support/hostile-saves';
import { seedOf } from '../../support/seeded-random';

const seed = seedOf(20_262);

describe('a saved state with one leaf that was not saved', () => {
  for (const machine of savedMachines) {
    for (const [name, open] of Object.entries(savedSubjects)) {
      it(`is refused, or runs and is saved again: ${name}, ${machine.name}, seed ${seed}`, () => {
        const extent = { seed, percent: 25, isEveryChange: false };
        const { taken, refused } = tryHostileSaves(open(machine), extent);
        assert(taken > 10 && refused > 10, `${taken} taken, ${refused} refused`);
      }).timeout(240_000);
    }
  }
});
