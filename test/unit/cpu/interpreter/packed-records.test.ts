// What is unpacked is what was packed, without what depends on a run.
import assert from 'node:assert/strict';
import {
  packedIsCounted,
  packedOffset,
  packedWordsMax,
  packRecord,
  unpackRecord,
} from '../../../../debug-adapter/cpu/interpreter/packed-records';
import {
  pseudoHandler,
  recordBytes,
  recordOffsets,
} from '../../../../debug-adapter/cpu/interpreter/record';

const handler = 1234;
const wides = [0n, 1n, -1n, 0x7fff_ffffn, -0x8000_0000n, 0x8000_0000n, -0x1_2345_6789n];
const masks = [0n, 0xffffn, 0xffff_ffffn, 0xffff_ffff_ffff_ffffn];
const record = recordBytes;

/** A record as decoding leaves it, between others. */
function decoded(displacement: bigint, immediate: bigint, mask: bigint): DataView {
  const view = new DataView(new ArrayBuffer(recordBytes * 3));
  const u16 = (offset: number, value: number): void => view.setUint16(record + offset, value, true);
  u16(recordOffsets.handler, handler);
  u16(recordOffsets.replacedHandler, handler);
  u16(recordOffsets.dst, 8);
  u16(recordOffsets.src, 0xfff8);
  u16(recordOffsets.base, 16);
  u16(recordOffsets.index, 24);
  u16(recordOffsets.segmentBase, 0x123);
  u16(recordOffsets.pageOffset, 4090);
  u16(recordOffsets.nextOffset, 4096);
  view.setUint8(record + recordOffsets.scale, 3);
  view.setUint8(record + recordOffsets.third, 0x9d);
  view.setBigInt64(record + recordOffsets.displacement, displacement, true);
  view.setBigInt64(record + recordOffsets.immediate, immediate, true);
  view.setBigUint64(record + recordOffsets.addressMask, mask, true);
  return view;
}

const wordsOf = (view: DataView): Int32Array => new Int32Array(view.buffer);

describe('packed records', () => {
  for (const mask of masks) {
    it(`come back with an address mask of 0x${mask.toString(16)}`, () => {
      for (const displacement of wides) {
        for (const immediate of wides) {
          const view = decoded(displacement, immediate, mask);
          const expected = wordsOf(view).slice();
          const packed = new Int32Array(packedWordsMax);
          // What a run has added.
          view.setUint16(record + recordOffsets.handler, pseudoHandler.region, true);
          view.setUint32(record + recordOffsets.link, 77, true);
          view.setUint32(record + recordOffsets.countdown, 5, true);
          view.setUint16(record + recordOffsets.regionSlot, 9, true);
          const end = packRecord(wordsOf(view), record, false, packed, 0);
          const back = new Int32Array(expected.length).fill(-1, recordBytes / 4, recordBytes / 2);
          assert.equal(unpackRecord(packed, 0, back, record), end);
          assert.deepEqual(back, expected);
          assert.equal(packedOffset(packed, 0), 4090);
          assert.equal(packedIsCounted(packed, 0), false);
        }
      }
    });
  }

  it('know whether passes are still counted', () => {
    const view = decoded(0n, 0n, 0n);
    const expected = wordsOf(view).slice();
    view.setUint16(record + recordOffsets.handler, pseudoHandler.counted, true);
    view.setUint16(record + recordOffsets.passesLeft, 3, true);
    const packed = new Int32Array(packedWordsMax);
    packRecord(wordsOf(view), record, true, packed, 0);
    assert.equal(packedIsCounted(packed, 0), true);
    const back = new Int32Array(expected.length);
    unpackRecord(packed, 0, back, record);
    assert.deepEqual(back, expected);
  });
});
