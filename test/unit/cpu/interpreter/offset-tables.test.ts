// Places of records in a page: what is put there is found there, by offset, until it is forgotten.
import assert from 'node:assert/strict';
import {
  blockBytes,
  blocksFor,
  OffsetTables,
  offsetTableBytes,
} from '../../../../debug-adapter/cpu/interpreter/offset-tables';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const emptyBlock = 0x100;
const start = emptyBlock + blockBytes;

/** Tables in memory that is full of what was there before. */
function tablesWithin(bytes: number) {
  const words = new Int32Array(bytes / 4).fill(-1);
  words.fill(0, emptyBlock / 4, start / 4);
  const room = { next: start };
  const allocate = (count: number): number => {
    const at = room.next;
    room.next += count;
    assert.ok(room.next <= bytes, 'no more is taken than a page may need');
    return at;
  };
  return { words, room, tables: new OffsetTables(words, allocate, emptyBlock) };
}

describe('offset tables', () => {
  const seed = seedOf(20_261_130);

  it(`have what was put into them, and list it by offset (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const whole = offsetTableBytes + blocksFor(4096) * blockBytes;
    const { words, tables } = tablesWithin(start + 2 * whole);
    const other = tables.make();
    const table = tables.make();
    const listed = new Int32Array(4096);
    for (const count of [0, 1, 40, 4096]) {
      const expected = new Map<number, number>();
      for (let each = 0; each < count; each++) {
        const offset = random.below(4096);
        expected.set(offset, 8 * (each + 1));
        tables.setRecord(table, offset, 8 * (each + 1));
      }
      for (let offset = 0; offset < 4096; offset++) {
        assert.equal(tables.recordAt(table, offset), expected.get(offset) ?? 0);
      }
      const byOffset = [...expected].sort(([a], [b]) => a - b).map(([, record]) => record);
      assert.deepEqual([...listed.subarray(0, tables.list(table, listed))], byOffset);
      assert.equal(tables.list(other, listed), 0, 'the table beside it has none');
      tables.clear(table);
      assert.equal(tables.list(table, listed), 0);
    }
    const isEmpty = words.subarray(emptyBlock / 4, start / 4).every((word) => word === 0);
    assert.ok(isEmpty, 'nothing is put into the block of no records');
  });

  it('take memory for the blocks that have records, and none for looking', () => {
    const { room, tables } = tablesWithin(0x10000);
    const table = tables.make();
    tables.recordAt(table, 100);
    tables.list(table, new Int32Array(4096));
    tables.clear(table);
    assert.equal(room.next, start + offsetTableBytes);
    tables.setRecord(table, 60, 8);
    tables.setRecord(table, 63, 16);
    assert.equal(room.next, start + offsetTableBytes + blockBytes);
    assert.equal(tables.placeOf(table, 64) % 4, 0);
    assert.equal(room.next, start + offsetTableBytes + 2 * blockBytes);
    assert.equal(blocksFor(4), 2, 'four bytes may lie in two blocks');
  });
});
