/** Layouts as data: reading, writing, decoding; bit fields. */
import assert from 'node:assert/strict';
import {
  bit,
  bits,
  decodeBits,
  extractBits,
  extractBits32,
  maskOf,
  namesOfSetBits,
} from '../../../debug-adapter/support/bit-field';
import { RingLog } from '../../../debug-adapter/support/ring-log';
import {
  decodeStruct,
  readField,
  readNumber,
  structField,
  structLayout,
  writeField,
} from '../../../debug-adapter/support/struct-layout';
import { InvariantError } from '../../../debug-adapter/support/assert';

const layout = structLayout('sample', [
  structField('byte', 'u8', 0),
  structField('word', 'u16', 2),
  structField('long', 'u32', 4),
  structField('quad', 'u64', 8),
  structField('blob', { bytes: 3 }, 16),
]);

describe('struct layout', () => {
  it('reads fields of up to 32 bits as numbers', () => {
    const bytes = Uint8Array.from({ length: 24 }, (_, index) => 0xf0 + index);
    for (const name of ['byte', 'word', 'long']) {
      assert.equal(BigInt(readNumber(layout, bytes, name)), readField(layout, bytes, name), name);
    }
    assert.throws(() => readNumber(layout, bytes, 'quad'), InvariantError);
    assert.throws(() => readNumber(layout, bytes.subarray(0, 7), 'long'), InvariantError);
  });

  it('rounds its size up to eight bytes', () => assert.equal(layout.sizeBytes, 24));

  for (const [name, value, stored] of [
    ['byte', 0x1ffn, 0xffn],
    ['word', 0x12345n, 0x2345n],
    ['long', 0x1_2345_6789n, 0x2345_6789n],
    ['quad', -1n, 0xffff_ffff_ffff_ffffn],
  ] as const) {
    it(`writes ${name} truncated to its width, and nothing else`, () => {
      const bytes = new Uint8Array(40);
      writeField(layout, bytes, name, value, 8);
      assert.equal(readField(layout, bytes, name, 8), stored);
      const others = layout.fields.filter((field) => field.name !== name && field.name !== 'blob');
      for (const other of others) assert.equal(readField(layout, bytes, other.name, 8), 0n);
    });
  }

  it('decodes every field, or nothing where the bytes end too early', () => {
    const bytes = Uint8Array.from({ length: 24 }, (_, index) => index);
    const decoded = decodeStruct(layout, bytes);
    assert.deepEqual(
      decoded?.map((field) => field.value),
      [0n, 0x0302n, 0x07060504n, 0x0f0e0d0c0b0a0908n, Uint8Array.of(16, 17, 18)],
    );
    assert.equal(decodeStruct(layout, bytes, 1), undefined);
  });

  it('knows its own mistakes from those of others', () => {
    assert.throws(() => readField(layout, new Uint8Array(24), 'nothing'), InvariantError);
    assert.throws(() => structLayout('small', layout.fields, 8), InvariantError);
  });
});

describe('bit fields', () => {
  const fields = [bit(0, 'P'), bits(6, 5, 'DPL', { 3: 'user' }), bit(63, 'top')];

  it('decodes values and their names', () => {
    assert.deepEqual(decodeBits((1n << 63n) | 0x61n, fields), [
      { name: 'P', value: 1n },
      { name: 'DPL', value: 3n, valueName: 'user' },
      { name: 'top', value: 1n },
    ]);
  });

  it('extracts the same from a number as from a bigint', () => {
    for (const word of [0, 1, 0x03f8_0001, 0x89ab_cdef, 0xffff_ffff]) {
      for (const field of [
        bit(0, 'a'),
        bit(31, 'b'),
        bits(31, 0, 'c'),
        bits(31, 16, 'd'),
        bits(6, 2, 'e'),
      ]) {
        assert.equal(BigInt(extractBits32(word, field)), extractBits(BigInt(word), field));
      }
    }
  });

  it('names what is set, and makes masks of names', () => {
    assert.deepEqual(namesOfSetBits((1n << 63n) | 1n, fields), ['P', 'top']);
    assert.equal(maskOf([bit(31, 'a'), bit(0, 'b')], ['a', 'b']), 0x80000001);
    assert.throws(() => maskOf(fields, ['DPL']), InvariantError);
  });
});

describe('ring log', () => {
  it('grows to its capacity, then drops the oldest and says how many', () => {
    const ring = new RingLog(1, 100);
    for (let value = 0; value < 250; value++) ring.append()[0] = value & 0xff;
    assert.equal(ring.recorded, 250);
    assert.equal(ring.dropped, 150);
    assert.equal(ring.at(149), undefined);
    assert.equal(ring.at(250), undefined);
    for (let index = 150; index < 250; index++) assert.equal(ring.at(index)?.[0], index & 0xff);
    ring.clear();
    assert.equal(ring.recorded, 0);
    assert.equal(ring.at(0), undefined);
  });

  it('keeps what it has while a large one grows', () => {
    const recordBytes = 0x20000;
    const ring = new RingLog(recordBytes, 200);
    for (let value = 0; value < 130; value++) ring.append()[recordBytes - 1] = value;
    for (let index = 0; index < 130; index++) {
      assert.equal(ring.at(index)?.[recordBytes - 1], index);
    }
  });

  it('hands out zeroed records', () => {
    const ring = new RingLog(2, 1);
    ring.append().fill(7);
    assert.deepEqual([...ring.append()], [0, 0]);
  });
});
