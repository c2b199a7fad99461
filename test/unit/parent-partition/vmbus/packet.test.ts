/** Packets of guests: what each kind says, and every rule that a hostile one breaks. */
import assert from 'node:assert/strict';
import {
  readRanges,
  restoreRanges,
  saveRanges,
  unreachablePage,
  writeRanges,
} from '../../../../debug-adapter/parent-partition/vmbus/guest-ranges';
import { encodePacket, parsePacket } from '../../../../debug-adapter/parent-partition/vmbus/packet';
import { StateRecord } from '../../../../debug-adapter/support/state-record';
import { SparseMemory } from './sparse-memory';

type Word = readonly [bytes: 1 | 2 | 4 | 8, value: number | bigint];

/** Little-endian words one after another. */
function words(...list: readonly Word[]): Uint8Array {
  return Uint8Array.from(
    list.flatMap(([bytes, value]) =>
      Array.from({ length: bytes }, (_, index) =>
        Number((BigInt(value) >> BigInt(8 * index)) & 255n),
      ),
    ),
  );
}

const head = (
  type: number,
  offset8: number,
  length8: number,
  flags: number,
  id: bigint,
): Word[] => [
  [2, type],
  [2, offset8],
  [2, length8],
  [2, flags],
  [8, id],
];

describe('packet of a guest', () => {
  it('in band has a payload and an identifier of 64 bits', () => {
    const bytes = words(...head(6, 2, 3, 1, 0xffff_ffff_ffff_fffdn), [8, 0x1122n]);
    const packet = parsePacket(bytes);
    assert.ok(typeof packet !== 'string');
    assert.equal(packet.transactionId, 0xffff_ffff_ffff_fffdn);
    assert.equal(packet.needsCompletion, true);
    assert.deepEqual(packet.payload, words([8, 0x1122n]));
    assert.deepEqual(packet.ranges, []);
  });

  it('GPA direct has ranges with their pages, also such as no guest can have', () => {
    const bytes = words(
      ...head(9, 9, 10, 0, 7n),
      [4, 0],
      [4, 2],
      ...([
        [4, 5000],
        [4, 4000],
        [8, 3],
        [8, 0xffff_ffff_ffff_ffffn],
        [8, 5],
      ] as const),
      ...([
        [4, 1],
        [4, 0],
      ] as const),
      [8, 9],
      [8, 0xaa],
    );
    // 9 units of descriptor: 16 + 8 + 8 + 24 + 8 + 8 bytes.
    const packet = parsePacket(bytes);
    assert.ok(typeof packet !== 'string', String(packet));
    assert.deepEqual(packet.ranges, [
      { byteCount: 5000, byteOffset: 4000, pages: [3, unreachablePage, 5] },
      { byteCount: 1, byteOffset: 0, pages: [9] },
    ]);
    assert.deepEqual(packet.payload, words([8, 0xaa]));
  });

  for (const [name, bytes] of [
    ['an unknown type', words(...head(14, 2, 2, 0, 0n))],
    ['type 0', words(...head(0, 2, 2, 0, 0n))],
    ['unknown flags', words(...head(6, 2, 2, 3, 0n))],
    ['no room for ranges', words(...head(9, 2, 2, 0, 0n))],
    ['no ranges', words(...head(9, 3, 3, 0, 0n), [4, 0], [4, 0])],
    ['a range that is cut short', words(...head(9, 3, 3, 0, 0n), [4, 0], [4, 1])],
    ['an empty range', words(...head(9, 4, 4, 0, 0n), [4, 0], [4, 1], [4, 0], [4, 0])],
    [
      'an offset beyond the page',
      words(...head(9, 5, 5, 0, 0n), [4, 0], [4, 1], [4, 1], [4, 4096], [8, 1]),
    ],
    ['too few pages', words(...head(9, 5, 5, 0, 0n), [4, 0], [4, 1], [4, 4097], [4, 0], [8, 1])],
    [
      'a range of all ones',
      words(...head(9, 5, 5, 0, 0n), [4, 0], [4, 1], [4, 0xffff_ffff], [4, 0xfff], [8, 1]),
    ],
    [
      'more ranges than fit',
      words(...head(9, 5, 5, 0, 0n), [4, 0], [4, 0xffff_ffff], [4, 1], [4, 0], [8, 1]),
    ],
    [
      'more parts of a set than fit',
      words(...head(7, 4, 4, 0, 0n), [2, 1], [2, 0], [4, 0x2000_0001], [4, 1], [4, 0]),
    ],
  ] as const) {
    it(`with ${name} is refused in words`, () => assert.equal(typeof parsePacket(bytes), 'string'));
  }
});

describe('packet to a guest', () => {
  for (const [name, packet, bytes] of [
    [
      'completion',
      { type: 'completion', transactionId: 0x1_0000_0002n, payload: Uint8Array.of(1, 2, 3) },
      words(...head(11, 2, 3, 0, 0x1_0000_0002n), [8, 0x030201]),
    ],
    [
      'in band with completion',
      { type: 'in-band', needsCompletion: true, payload: new Uint8Array(0) },
      words(...head(6, 2, 2, 1, 0n)),
    ],
    [
      'transfer pages',
      {
        type: 'transfer-pages',
        transactionId: 9n,
        setId: 0xcafe,
        ranges: [{ byteCount: 60, byteOffset: 4096 }],
        payload: Uint8Array.of(5),
      },
      words(...head(7, 4, 5, 0, 9n), [2, 0xcafe], [2, 0], [4, 1], [4, 60], [4, 4096], [8, 5]),
    ],
  ] as const) {
    it(name, () => assert.deepEqual(encodePacket(packet), bytes));
  }
});

describe('ranges of guest memory', () => {
  const memory = new SparseMemory();
  memory.map(1, 4);
  memory.map(8);
  const ranges = [
    { byteCount: 6000, byteOffset: 100, pages: [8, 1] },
    { byteCount: 9000, byteOffset: 4000, pages: [2, 3, 4, 1] },
  ];

  it('are one sequence of bytes, whatever the pages', () => {
    const source = Uint8Array.from({ length: 15_000 }, (_, index) => index % 251);
    // The last page is also the second of the first range; written first, it is overwritten.
    assert.ok(writeRanges(memory, ranges, 0, source.subarray(0, 14_000)));
    const back = new Uint8Array(8000);
    assert.ok(readRanges(memory, ranges, 6000, back));
    assert.deepEqual(back, source.subarray(6000, 14_000));
  });

  it('reach adjacent pages at once', () => {
    memory.accesses.length = 0;
    assert.ok(readRanges(memory, ranges, 6000, new Uint8Array(8288)));
    assert.deepEqual(memory.accesses, [{ gpa: 2 * 4096 + 4000, length: 8288 }]);
  });

  for (const [name, offset, length] of [
    ['end before the transfer does', 14_000, 1001],
    ['are passed altogether', 20_000, 1],
  ] as const) {
    it(`fail where they ${name}`, () => {
      assert.equal(readRanges(memory, ranges, offset, new Uint8Array(length)), false);
      assert.equal(writeRanges(memory, ranges, offset, new Uint8Array(length)), false);
    });
  }

  it('fail at a page that is not mapped', () => {
    const lost = [{ byteCount: 8192, byteOffset: 0, pages: [1, unreachablePage] }];
    assert.equal(readRanges(memory, lost, 0, new Uint8Array(8192)), false);
    assert.equal(readRanges(memory, lost, 0, new Uint8Array(4096)), true);
  });

  it('are saved and restored', () => {
    const record = new StateRecord({ ranges: saveRanges(ranges) }, 'test');
    assert.deepEqual(restoreRanges(record, 'ranges'), ranges);
  });
});
