// The record of a hypercall, written field by field, is what its stream reads.
import assert from 'node:assert/strict';
import type { HypercallEvent } from '../../../debug-adapter/machine/trace';
import { TraceLog } from '../../../debug-adapter/system/trace-log';

const header = {
  position: 2 ** 40 + 7,
  ordinal: 2,
  timeNs: 2 ** 50 + 1,
  partition: 2,
  processor: 63,
};
const none = new Uint8Array(0);

describe('the trace record of a hypercall', () => {
  for (const [title, fields] of [
    [
      'small values',
      {
        control: 0x10008n,
        code: 8,
        status: 0,
        repsCompleted: 0,
        input: Uint8Array.of(5, 0, 0, 0),
        output: none,
      },
    ],
    [
      'every bit',
      {
        control: 0xffffffffffffffffn,
        code: 0xffff,
        status: 0xffff,
        repsCompleted: 0xffffffff,
        input: new Uint8Array(80).fill(0xff),
        output: new Uint8Array(16).fill(0xff),
      },
    ],
    [
      'a rep call',
      {
        control: 0x0003_0005_0000_0050n,
        code: 0x50,
        status: 5,
        repsCompleted: 3,
        input: none,
        output: none,
      },
    ],
  ] as const) {
    it(title, () => {
      const event: HypercallEvent = {
        ...header,
        kind: 'hypercall',
        ...fields,
      };
      const log = new TraceLog();
      log.record(event);
      assert.deepEqual(log.hypercalls.at(0), event);
    });
  }

  it('keeps the beginning of long blocks', () => {
    const log = new TraceLog();
    const block = Uint8Array.from({ length: 4096 }, (_, index) => index);
    log.record({
      ...header,
      kind: 'hypercall',
      control: 0x4bn,
      code: 0x4b,
      status: 0,
      repsCompleted: 0,
      input: block,
      output: block,
    });
    const kept = log.hypercalls.at(0);
    assert.deepEqual(kept?.input, block.slice(0, 80));
    assert.deepEqual(kept.output, block.slice(0, 16));
  });
});
