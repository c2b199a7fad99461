// Which rows are rendered, and where.
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  rowsOfPage,
  rowWindow,
  scrollTopToShow,
  type ScrollGeometry,
} from '../../../../../src/webviews/log-panel/row-window';

const geometry = (change: Partial<ScrollGeometry>): ScrollGeometry => ({
  scrollTop: 0,
  viewportPixels: 220,
  rowPixels: 22,
  rowCount: 1000,
  ...change,
});

describe('rowWindow', () => {
  for (const [name, change, expected] of [
    ['top', {}, { first: 0, end: 19, offsetPixels: 0, heightPixels: 22_000 }],
    [
      'middle',
      { scrollTop: 2200 },
      { first: 92, end: 119, offsetPixels: 2024, heightPixels: 22_000 },
    ],
    [
      'end',
      { scrollTop: 21_780 },
      { first: 982, end: 1000, offsetPixels: 21_604, heightPixels: 22_000 },
    ],
    ['no rows', { rowCount: 0 }, { first: 0, end: 0, offsetPixels: 0, heightPixels: 0 }],
    [
      'beyond the end',
      { scrollTop: 99_999 },
      { first: 1000, end: 1000, offsetPixels: 22_000, heightPixels: 22_000 },
    ],
  ] as const) {
    it(name, () => assert.deepEqual(rowWindow(geometry(change)), expected));
  }

  it('covers the visible part at every scroll position of every list', () => {
    const seed = Number(process.env['SEED'] ?? 20_240_601);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rowCount, at) => {
          const all = geometry({ rowCount });
          const scrollTop = at * Math.max(rowWindow(all).heightPixels - all.viewportPixels, 0);
          const { first, end, offsetPixels } = rowWindow({ ...all, scrollTop });
          const bottom = offsetPixels + (end - first) * all.rowPixels;
          assert.ok(offsetPixels <= scrollTop + 0.01 || first === 0, `top of ${first}`);
          assert.ok(
            bottom >= scrollTop + all.viewportPixels - 0.01 || end === rowCount,
            `bottom of ${end}`,
          );
          assert.ok(end - first < 60);
        },
      ),
      { seed },
    );
  });
});

describe('scrollTopToShow', () => {
  for (const [name, index, change, expected] of [
    ['visible rows do not scroll', 3, {}, 0],
    ['a row above comes to the top', 3, { scrollTop: 2200 }, 66],
    ['a row below comes to the bottom', 10, {}, 22],
    ['the last row', 999, {}, 21_780],
  ] as const) {
    it(name, () => assert.equal(scrollTopToShow(index, geometry(change)), expected));
  }

  it('reaches the last of fifty million rows', () => {
    const all = geometry({ rowCount: 50_000_000 });
    const scrollTop = scrollTopToShow(49_999_999, all);
    assert.equal(rowWindow({ ...all, scrollTop }).end, 50_000_000);
  });
});

it('a page leaves one row in common', () => {
  assert.equal(rowsOfPage(geometry({})), 9);
  assert.equal(rowsOfPage(geometry({ viewportPixels: 10 })), 1);
});
