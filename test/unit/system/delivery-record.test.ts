/** The record of a delivered event, written without an event in between, reads back as the event. */
import assert from 'node:assert/strict';
import type { TraceEvent } from '../../../debug-adapter/machine/trace';
import { TraceLog } from '../../../debug-adapter/system/trace-log';

const where = { partition: 3, processor: 7 };
const place = { position: 2 ** 40 + 3, ordinal: 5, timeNs: 2 ** 45 + 1 };
const returnRip = 0xffff_8000_0000_1234n;

describe('delivery record', () => {
  for (const [errorCode, isInjected] of [
    [undefined, true],
    [0, false],
    [0xffff_fffe, true],
  ] as const) {
    it(`has every field of the event, error code ${String(errorCode)}`, () => {
      const log = new TraceLog();
      const heard: TraceEvent[] = [];
      log.forwardTo({ record: (event) => heard.push(event) }, ['event']);
      log.recordDelivery(place, where, { vector: 254, errorCode, returnRip, isInjected });
      const expected = {
        kind: 'event',
        ...place,
        ...where,
        vector: 254,
        errorCode,
        rip: returnRip,
        isInjected,
      };
      assert.deepEqual(log.events.at(0), expected);
      assert.deepEqual(heard, [expected]);
    });
  }

  it('leaves nothing of the record that it replaces', () => {
    const log = new TraceLog();
    const full = {
      vector: 255,
      errorCode: 0xffff_ffff,
      returnRip: (1n << 64n) - 1n,
      isInjected: true,
    };
    for (let count = 0; count < 70_000; count++) {
      log.recordDelivery({ ...place, ordinal: count }, where, full);
    }
    assert.ok(log.events.dropped > 0);
    const last = { position: 2 ** 41, ordinal: 0, timeNs: 0 };
    const nowhere = { partition: 0, processor: 0 };
    const empty = { vector: 0, errorCode: undefined, returnRip: 0n, isInjected: false };
    log.recordDelivery(last, nowhere, empty);
    const expected = {
      kind: 'event',
      ...last,
      ...nowhere,
      vector: 0,
      errorCode: undefined,
      rip: 0n,
      isInjected: false,
    };
    assert.deepEqual(log.events.at(70_000), expected);
  });
});
