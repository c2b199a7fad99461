/** One value by a plan is the value that reading everything finds, whatever the bytes. */
import assert from 'node:assert/strict';
import { deviceProtocolByClass } from '../../../debug-adapter/spec/vmbus/device-protocols';
import { channelMessages } from '../../../debug-adapter/spec/vmbus/messages';
import { readValueIn } from '../../../debug-adapter/support/struct-value-plan';
import { mayHaveValue, readValues } from '../../../debug-adapter/support/struct-values';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const rounds = 60;
const roomBytes = 160;
const layouts = new Set([
  ...channelMessages.map(({ layout }) => layout),
  ...[...deviceProtocolByClass.values()].flatMap(({ message, completion }) => [
    message,
    completion,
  ]),
]);

describe('value by a plan', () => {
  const seed = seedOf(0x5ca1e);

  it(`is that of all values, in bytes among others (HYPERSCOPE_TEST_SEED=${seed})`, () => {
    const random = new SeededRandom(seed);
    let found = 0;
    for (const layout of layouts) {
      for (let round = 0; round < rounds; round++) {
        // Small numbers are those that choose a structure.
        const whole = Uint8Array.from({ length: roomBytes }, () =>
          random.below(3) === 0 ? random.below(256) : random.below(5),
        );
        const at = random.below(8);
        const end = at + random.below(roomBytes - at + 1);
        const request = BigInt(random.below(6));
        const outer = (name: string): bigint | undefined =>
          name.startsWith('Request.') ? request : undefined;
        const values = readValues(layout, whole.subarray(0, end), at, outer);
        for (const [name, reading] of values) {
          assert(mayHaveValue(layout, name), name);
          const place = { bytes: whole, at, end };
          assert.deepEqual(readValueIn(layout, name, place, outer), reading, name);
          found++;
        }
        const missing = [...values.keys()].length === 0 ? 'MessageType' : 'NoSuchField';
        assert.equal(readValueIn(layout, missing, { bytes: whole, at, end }, outer), undefined);
      }
    }
    assert(found > rounds * layouts.size, `${found} values`);
  });
});
