/** The cache of unpacked kernels: what it gives is what unpacking gives, whatever has happened to its files. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Decompressor } from '../../../debug-adapter/backends/decompressor';
import { nodeDecompressor } from '../../../debug-adapter/host/node-decompressor';
import { cacheFolder } from '../../../debug-adapter/host/kept-files';
import { CachingDecompressor } from '../../../debug-adapter/host/unpacked-cache';

const limits = { files: 2, bytes: 10_000, worthwhileBytes: 0 };
const content = (fill: number, length = 1000): Uint8Array => new Uint8Array(length).fill(fill);

describe('cache of unpacked kernels', () => {
  let folder = '';
  let unpacked = 0;
  const counting: Decompressor = {
    unpack: (...request) => {
      unpacked++;
      return nodeDecompressor.unpack(...request);
    },
  };
  const open = (given = limits): CachingDecompressor =>
    new CachingDecompressor(counting, join(folder, 'cache'), given);
  const files = (): readonly string[] => readdirSync(join(folder, 'cache'));
  const expectUnpacked = (cache: Decompressor, bytes: Uint8Array, times: number): void => {
    unpacked = 0;
    const outcome = cache.unpack('gzip', gzipSync(bytes), 20_000);
    assert.deepEqual(outcome, { kind: 'unpacked', bytes });
    assert.equal(unpacked, times);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-cache-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('unpacks the same bytes once, across processes', () => {
    expectUnpacked(open(), content(1), 1);
    expectUnpacked(open(), content(1), 0);
    expectUnpacked(open(), content(2), 1);
  });

  const damages: Readonly<Record<string, (path: string) => void>> = {
    'a truncated file': (path) => truncateSync(path, 500),
    'a file that is nearly empty': (path) => truncateSync(path, 3),
    'a changed byte': (path) => {
      const bytes = readFileSync(path);
      bytes[17] = 99;
      writeFileSync(path, bytes);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    it(`unpacks again for ${name}, and mends it`, () => {
      expectUnpacked(open(), content(1), 1);
      damage(join(folder, 'cache', files()[0] ?? assert.fail('no file')));
      expectUnpacked(open(), content(1), 1);
      expectUnpacked(open(), content(1), 0);
    });
  }

  it('keeps no more files and bytes than it may; those used last stay', () => {
    const age = (seconds: number): void => {
      for (const name of files()) {
        const moment = new Date(Date.now() - seconds * 1000);
        utimesSync(join(folder, 'cache', name), moment, moment);
      }
    };
    expectUnpacked(open(), content(1), 1);
    age(30);
    expectUnpacked(open(), content(2), 1);
    expectUnpacked(open(), content(1), 0);
    expectUnpacked(open(), content(3), 1);
    assert.equal(files().length, 2);
    age(30);
    expectUnpacked(open(), content(4, 9900), 1);
    assert.equal(files().length, 1);
  });

  it('leaves no unfinished file, and removes those of others after a while', () => {
    expectUnpacked(open(), content(1), 1);
    const old = join(folder, 'cache', 'gzip-00.unpacked.1');
    writeFileSync(old, 'half');
    utimesSync(old, 1, 1);
    expectUnpacked(open(), content(2), 1);
    assert(files().every((name) => name.endsWith('.unpacked')));
  });

  it('does without a folder that cannot be made', () => {
    writeFileSync(join(folder, 'cache'), 'a file');
    expectUnpacked(open(), content(1), 1);
    expectUnpacked(open(), content(1), 1);
  });

  it('keeps nothing that is small or damaged, and obeys the limit of who asks', () => {
    expectUnpacked(open({ ...limits, worthwhileBytes: 4096 }), content(1), 1);
    assert.equal(open().unpack('gzip', content(7), 1000).kind, 'failed');
    expectUnpacked(open(), content(1), 1);
    assert.equal(open().unpack('gzip', gzipSync(content(1)), 999).kind, 'failed');
    assert.equal(files().length, 1);
  });

  it('keeps nothing of a format that unpacks faster than a file is read', () => {
    const packed = new Uint8Array(
      readFileSync(new URL('../../fixtures/compressed/legacy.lz4', import.meta.url)),
    );
    unpacked = 0;
    for (let round = 0; round < 2; round++) {
      assert.equal(open().unpack('lz4', packed, 1_000_000).kind, 'unpacked');
    }
    assert.equal(unpacked, 2);
    assert.equal(existsSync(join(folder, 'cache')), false);
  });

  it('lies where the computer keeps such things', () => {
    if (process.platform !== 'linux') return assert.match(cacheFolder(), /hyperscope/);
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), '/x/hyperscope');
    assert.match(cacheFolder({}), /\.cache\/hyperscope$/);
  });
});
