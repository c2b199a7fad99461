// The map from pages to frames against the language's own, over random calls.
import assert from 'node:assert/strict';
import { PageFrames } from '../../../../debug-adapter/cpu/paging/page-frames';
import { SeededRandom } from '../../../support/seeded-random';

const seed = 11;
const calls = 20_000;
/** Few enough to meet again, and far enough apart to share slots. */
const pages = Array.from({ length: 64 }, (_, index) => index * 0x1_0000_0800 + (index % 3));

describe('pages and their frames', () => {
  it(`holds what a Map holds, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    const frames = new PageFrames();
    const expected = new Map<number, number>();
    for (let call = 0; call < calls; call++) {
      const page = pages[random.below(pages.length)] ?? 0;
      const kind = random.below(40);
      if (kind === 0 || frames.isFull) {
        frames.clear();
        expected.clear();
      } else if (kind === 1) {
        const count = 1 + random.below(0x4000_0000);
        const deleted: number[] = [];
        frames.deleteRange(page, count, (each) => deleted.push(each));
        const gone = [...expected.keys()].filter((each) => each >= page && each < page + count);
        gone.forEach((each) => expected.delete(each));
        assert.deepEqual(
          deleted.sort((a, b) => a - b),
          gone.sort((a, b) => a - b),
        );
      } else if (kind < 10) assert.equal(frames.delete(page), expected.delete(page));
      else if (kind < 25) {
        frames.set(page, call);
        expected.set(page, call);
      } else assert.equal(frames.get(page), expected.get(page), `call ${call}`);
    }
  });

  it('is full at its limit, and empty once cleared', () => {
    const frames = new PageFrames();
    for (let page = 0; page < PageFrames.limit; page++) frames.set(page * 7, page);
    assert.ok(frames.isFull);
    frames.clear();
    assert.ok(frames.isEmpty);
    assert.equal(frames.get(7), undefined);
  });
});
