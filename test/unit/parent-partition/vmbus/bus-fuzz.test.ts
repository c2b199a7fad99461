/** A slice of what `npm run nightly:vmbus` does for long: a hostile guest breaks every rule, and the bus goes on. */
import assert from 'node:assert/strict';
import { SeededRandom, seedOf } from '../../../support/seeded-random';
import { BusRig } from './bus-rig';
import { HostileGuest } from './hostile-guest';
import { RecordingProvider } from './recording-provider';

const actions = 20_000;
const actionsEach = 2000;

/** What the rules of the bus refuse; numbers are taken out of the reasons. */
const rules = [
  "message type # is not the bus's",
  '# bytes are no channel message',
  'channel message type # is not known',
  'OpenChannel has # bytes; it takes #',
  'OpenChannel without a connection',
  'ModifyChannel is not in version #.#',
  'Pause needs a feature that was not granted',
  'InitiateContact wants its answer at processor #',
  'InitiateContact wants its answer at source #',
  'the offers have been requested before',
  'there is no channel #',
  'there is no processor #',
  'there is no GPADL #',
  'channel # is open',
  'channel # is not open',
  'channel # interrupts no processor',
  "GPADL # is not the channel's",
  'GPADL # is of channel #',
  'GPADL # is there already',
  'GPADL # is not being made',
  'the GPADL has several ranges',
  'a ring at page # of # leaves no room for data',
  '# ranges do not fit into # bytes',
  '# bytes end in a number',
  'range # is cut short',
  'range # is empty',
  'range # begins # bytes into a page',
  'range # of # bytes lacks page numbers',
  'no service listens there',
  'no channel can be opened beside the bus',
  'no channel was opened beside the bus',
  ...[
    'write index # is not in the ring',
    'a page of the ring is not mapped',
    'payload at # of a packet of # bytes',
    'a packet of # bytes where # are in use',
    'packet type # is not known',
    'packet flags # are not known',
    'a packet with ranges has none',
    'a descriptor of # bytes has no ranges',
  ].map((reason) => `to-parent #: given up: ${reason}`),
];

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
      rules.filter((rule) => !reasons.has(rule)),
      [],
      `seed ${seed}: rules that nothing broke`,
    );
    assert.deepEqual(neighbour.save(), before);
  });
});
