// The record of a hypercall, written field by field, is what its stream reads.
import assert from 'node:assert/strict';
import type { HypercallEvent } from '../../../debug-adapter/machine/trace';
import { TraceLog } from '../../../debug-adapter/system/trace-log';

describe('the trace record of a hypercall', () => {
  for (const [title, fields] of [
    ['small values', { control: 0x10008n, code: 8, status: 0, repsCompleted: 0 }],
    [
      'every bit',
      { control: 0xffffffffffffffffn, code: 0xffff, status: 0xffff, repsCompleted: 0xffffffff },
    ],
    ['a rep call', { control: 0x0003_0005_0000_0050n, code: 0x50, status: 5, repsCompleted: 3 }],
  ] as const) {
    it(title, () => {
      const event: HypercallEvent = {
        kind: 'hypercall',
        position: 2 ** 40 + 7,
        ordinal: 2,
        timeNs: 2 ** 50 + 1,
        partition: 2,
        processor: 63,
        ...fields,
      };
      const log = new TraceLog();
      log.record(event);
      assert.deepEqual(log.hypercalls.at(0), event);
    });
  }
});
