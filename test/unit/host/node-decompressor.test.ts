/** Unpacking, against files of the reference tools, and hostile data: it always ends, with bytes or a sentence. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  RememberingDecompressor,
  type CompressionFormat,
  type Unpacked,
} from '../../../debug-adapter/backends/decompressor';
import { nodeDecompressor } from '../../../debug-adapter/host/node-decompressor';
import { SeededRandom, seedOf } from '../../support/seeded-random';

const folder = new URL('../../fixtures/compressed/', import.meta.url);
const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const original = new Uint8Array(gunzipSync(sample('deflate.gz')));

const files: readonly (readonly [CompressionFormat, string])[] = [
  ['gzip', 'deflate.gz'],
  ['lz4', 'legacy.lz4'],
  ['xz', 'x86-crc32.xz'],
  ['xz', 'crc64.xz'],
  ['xz', 'x86-sha256-blocks.xz'],
  ['xz', 'none.xz'],
  ['zstd', 'known-size.zst'],
  ['zstd', 'unknown-size.zst'],
];

function unpack(format: CompressionFormat, packed: Uint8Array, limit: number): Unpacked {
  const outcome = nodeDecompressor.unpack(format, packed, limit);
  if (outcome.kind === 'unpacked') assert.ok(outcome.bytes.length <= limit, 'keeps the limit');
  else assert.ok(outcome.message.length > 0, 'says why');
  return outcome;
}

describe('decompressor', () => {
  for (const [format, name] of files) {
    it(`unpacks ${name}`, () => {
      const outcome = unpack(format, sample(name), original.length);
      assert(outcome.kind === 'unpacked', outcome.kind === 'failed' ? outcome.message : '');
      assert.ok(Buffer.from(outcome.bytes).equals(original));
    });

    it(`refuses ${name} where it would unpack to more than allowed`, () => {
      const { kind } = unpack(format, sample(name), original.length - 1);
      assert.equal(kind, 'failed');
    });

    it(`refuses or survives ${name} cut off anywhere`, () => {
      const packed = sample(name);
      for (let length = 0; length < packed.length; length += 97) {
        const outcome = unpack(format, packed.subarray(0, length), original.length);
        const isWhole = outcome.kind === 'unpacked' && outcome.bytes.length === original.length;
        // Only what follows the data may be missing: a checksum that is not read.
        assert.ok(!isWhole || packed.length - length < 16, `${length} bytes are not enough`);
      }
    });
  }

  it('goes on with a second frame of LZ4', () => {
    const packed = sample('legacy.lz4');
    const twice = unpack('lz4', Uint8Array.from([...packed, ...packed]), 2 * original.length);
    assert(twice.kind === 'unpacked', twice.kind === 'failed' ? twice.message : '');
    assert.ok(Buffer.from(twice.bytes).equals(Buffer.concat([original, original])));
  });

  /** A block of LZ4: a few literals, one match of so many bytes from so far back, and five more literals. */
  function lz4File(literals: Uint8Array, distance: number, length: number): Uint8Array {
    const more = (count: number): number[] =>
      count < 15
        ? []
        : [...Array<number>(Math.floor((count - 15) / 255)).fill(255), (count - 15) % 255];
    const token = (Math.min(15, literals.length) << 4) | Math.min(15, length - 4);
    const block = [
      ...[token, ...more(literals.length), ...literals, distance & 0xff, distance >> 8],
      ...[...more(length - 4), 0x50, 1, 2, 3, 4, 5],
    ];
    const size = [0, 8, 16, 24].map((shift) => (block.length >>> shift) & 0xff);
    return Uint8Array.from([2, 0x21, 0x4c, 0x18, ...size, ...block]);
  }

  it('copies matches of LZ4 from any distance, as far as they go', () => {
    const literals = Uint8Array.from({ length: 300 }, (_, index) => (index * 7) & 0xff);
    const distances = [...Array(34).keys()].map((index) => index + 1);
    for (const distance of [...distances, 299, 300]) {
      for (const length of [4, 5, 15, 16, 17, 31, 33, 300, 200_000]) {
        const expected = [...literals];
        for (let count = 0; count < length; count++) {
          expected.push(expected[expected.length - distance] ?? assert.fail());
        }
        expected.push(1, 2, 3, 4, 5);
        const packed = lz4File(literals, distance, length);
        const outcome = unpack('lz4', packed, expected.length);
        assert(outcome.kind === 'unpacked', outcome.kind === 'failed' ? outcome.message : '');
        assert.ok(
          Buffer.from(outcome.bytes).equals(Buffer.from(expected)),
          `${distance} ${length}`,
        );
        assert.equal(unpack('lz4', packed, expected.length - 6).kind, 'failed', 'keeps the limit');
      }
    }
    for (const distance of [0, 301, 0xffff]) {
      assert.equal(unpack('lz4', lz4File(literals, distance, 4), 1000).kind, 'failed');
    }
  });

  it('unpacks LZ4 by parts, each in place of the one before', () => {
    const packed = sample('legacy.lz4');
    const zeros = lz4File(new Uint8Array(1), 1, 3000);
    const file = Uint8Array.from([...packed, ...zeros, ...packed, ...zeros]);
    const partsOf = (limit: number): readonly Buffer[] =>
      Array.from(nodeDecompressor.unpackByParts?.('lz4', file, limit) ?? [], (part) => {
        assert(part.kind === 'unpacked', part.kind === 'failed' ? part.message : '');
        return Buffer.from(part.bytes);
      });
    const whole = unpack('lz4', file, 1 << 24);
    assert(whole.kind === 'unpacked');
    const { length } = whole.bytes;
    const parts = partsOf(length);
    assert.ok(parts.length > 3 && Buffer.concat(parts).equals(Buffer.from(whole.bytes)));
    assert.throws(() => partsOf(length - 1), /more than allowed/);
    assert.equal(nodeDecompressor.unpackByParts?.('xz', file, length), undefined);
  });

  it('unpacks long literals and matches of LZ4, as a whole and by parts', () => {
    const random = new SeededRandom(seedOf(5));
    for (const [literalBytes, distance, length] of [
      [1, 1, 700_000],
      [70_000, 65_535, 400_000],
      [300_000, 7, 131_072],
      [131_071, 12, 131_073],
      [600_000, 40_000, 4],
    ] as const) {
      const literals = random.bytes(literalBytes);
      const expected = Buffer.alloc(literalBytes + length + 5);
      expected.set(literals);
      for (let at = literalBytes; at < literalBytes + length; at++) {
        expected[at] = expected[at - distance] ?? 0;
      }
      expected.set([1, 2, 3, 4, 5], literalBytes + length);
      const block = lz4File(literals, distance, length);
      const twice = Buffer.concat([expected, expected]);
      const file = Uint8Array.from([...block, ...block]);
      const whole = unpack('lz4', file, twice.length);
      assert(whole.kind === 'unpacked', whole.kind === 'failed' ? whole.message : '');
      const parts = nodeDecompressor.unpackByParts?.('lz4', file, twice.length) ?? [];
      const copies = Array.from(parts, (part) => {
        assert(part.kind === 'unpacked', part.kind === 'failed' ? part.message : '');
        return Buffer.from(part.bytes);
      });
      for (const bytes of [Buffer.from(whole.bytes), Buffer.concat(copies)]) {
        assert.ok(bytes.equals(twice), `${literalBytes} ${distance} ${length}`);
      }
    }
  });

  it('refuses a block of LZ4 that is larger than blocks may be', () => {
    const mebibytes = (count: number): Unpacked =>
      unpack('lz4', lz4File(Uint8Array.of(0), 1, count * 0x100000 - 6), 0x1000000);
    assert.equal(mebibytes(8).kind, 'unpacked');
    assert.equal(mebibytes(9).kind, 'failed');
  });

  it('remembers what is wanted again, by the file it is of', () => {
    let calls = 0;
    const remembering = new RememberingDecompressor({
      unpack: (_format, packed) => {
        calls++;
        return { kind: 'unpacked', bytes: packed.slice() };
      },
    });
    const files = [Uint8Array.of(1), Uint8Array.of(2)] as const;
    const outcomes = [...files, ...files].map((file) => remembering.unpack('gzip', file, 9));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === 'unpacked' && outcome.bytes[0]),
      [1, 2, 1, 2],
    );
    assert.equal(calls, 2);
    const once = Uint8Array.of(3);
    remembering.unpack('gzip', once, 9, 'once');
    remembering.unpack('gzip', once, 9, 'once');
    assert.equal(calls, 4);
  });

  it('undoes the x86 filter where nearly every byte could be an opcode', () => {
    // The SHA-256 inside the file is that of the bytes before the filter.
    assert.equal(unpack('xz', sample('x86-dense.xz'), 24_000).kind, 'unpacked');
  });

  it('notices every damaged byte of an xz file with a checksum', () => {
    const packed = sample('x86-crc32.xz');
    for (let at = 0; at < packed.length - 12; at += 13) {
      const damaged = packed.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      assert.equal(unpack('xz', damaged, original.length).kind, 'failed', `byte ${at}`);
    }
  });

  it('says which filter it does not have', () => {
    const outcome = unpack('xz', sample('delta.xz'), original.length);
    assert(outcome.kind === 'failed');
    assert.match(outcome.message, /filter 0x3/);
  });

  it('ends on damaged and on random data of every format', () => {
    const seed = seedOf(41);
    const random = new SeededRandom(seed);
    for (const [format, name] of files) {
      const packed = sample(name);
      for (let round = 0; round < 60; round++) {
        const damaged = packed.slice();
        const from = round % 2 === 0 ? 0 : 6;
        for (let count = 0; count < 1 + (round % 5) * 8; count++) {
          damaged[from + random.below(damaged.length - from)] = random.below(256);
        }
        try {
          unpack(format, damaged, original.length);
        } catch (problem) {
          assert.fail(`seed ${seed}, ${name}, round ${round}: ${String(problem)}`);
        }
      }
    }
  });
});
