// Time travel in a boot: a step and a step back are nothing, wherever they are taken.
import { seedOf } from '../support/seeded-random';
import { stepBackEverywhere } from './travel-points';

describe('time travel in a boot', function () {
  this.timeout(240_000);
  const seed = seedOf(200);

  it(`steps back to where it was, 200 times on four processors, seed ${seed}`, () =>
    // All processors have just been started.
    stepBackEverywhere({ seed, points: 200, start: 150_000_000, length: 5_000_000 }));
});
