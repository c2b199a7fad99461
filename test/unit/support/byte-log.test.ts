// Byte strings of any length in a bounded log, compared with a list of all of them.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ByteLog } from '../../../debug-adapter/support/byte-log';

describe('byte log', () => {
  it('keeps every byte string from its first place on, each in one piece, also after it has gone back', () => {
    const capacity = 40_000;
    const action = fc.oneof(
      { weight: 5, arbitrary: fc.record({ length: fc.integer({ min: 0, max: 20_000 }) }) },
      { weight: 1, arbitrary: fc.record({ back: fc.integer({ min: 0, max: 5 }) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const log = new ByteLog(capacity);
        let kept: { place: number; bytes: Uint8Array }[] = [];
        actions.forEach((each, number) => {
          if ('back' in each) {
            const cut = Math.max(0, kept.length - each.back);
            const place = kept[cut]?.place;
            if (place !== undefined) log.truncate(place);
            kept = kept.slice(0, cut);
          } else {
            const bytes = new Uint8Array(each.length).fill(number + 1);
            kept.push({ place: log.append(bytes), bytes });
          }
          kept = kept.filter(({ place }) => place >= log.firstPlace);
          for (const { place, bytes } of kept) {
            const at = log.offsetOf(place);
            assert.deepEqual(log.allBytes.slice(at, at + bytes.length), bytes);
          }
        });
        const bytesKept = kept.reduce((sum, { bytes }) => sum + bytes.length, 0);
        assert.ok(bytesKept <= capacity);
      }),
    );
  });

  it('keeps the newest byte string in any case, and grows only as far as is needed', () => {
    const log = new ByteLog(1_000_000);
    assert.equal(log.append(new Uint8Array(10)), 0);
    assert.ok(log.allBytes.length < 100_000);
    const place = log.append(new Uint8Array(1_000_000).fill(7));
    assert.ok(place >= log.firstPlace);
    assert.equal(log.allBytes[log.offsetOf(place) + 999_999], 7);
  });
});
