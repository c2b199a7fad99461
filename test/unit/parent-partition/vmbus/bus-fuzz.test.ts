/** A slice of what `npm run nightly:vmbus` does for long: a hostile guest breaks every rule, and the bus goes on. */
import assert from 'node:assert/strict';
import { SeededRandom, seedOf } from '../../../support/seeded-random';
import { BusRig } from './bus-rig';
import { busRules } from './bus-rules';
import { HostileGuest } from './hostile-guest';
import { RecordingProvider } from './recording-provider';

const actions = 20_000;
const actionsEach = 2000;

describe('a hostile guest on its bus', function () {
  this.timeout(60_000);

  it('breaks every rule, while the bus and its neighbour stay in order', () => {
    const seed = seedOf(29);
    const neighbour = new BusRig([new RecordingProvider('disk')]);
    neighbour.connect();
    neighbour.open(1);
    const before = neighbour.save();
    const reasons = new Set<string>();
    for (let first = 0; first < actions; first += actionsEach) {
      const guest = new HostileGuest(new SeededRandom(seed + first));
      for (let action = 0; action < actionsEach; action++) {
        try {
          guest.act();
        } catch (error) {
          throw new Error(`seed ${seed + first}, action ${action}`, { cause: error });
        }
      }
      for (const reason of guest.reasons) reasons.add(reason);
    }
    assert.deepEqual(
      busRules.filter((rule) => !reasons.has(rule)),
      [],
      `seed ${seed}: rules that nothing broke`,
    );
    assert.deepEqual(neighbour.save(), before);
  });
});
