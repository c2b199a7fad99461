// Disk images that QEMU made are read as QEMU reads them; damaged ones are refused by the name of what is damaged.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { MemoryBlockFiles } from '../../../../debug-adapter/backends/block-source';
import { nodeBlockFiles } from '../../../../debug-adapter/host/node-block-files';
import { readImage } from '../../../../debug-adapter/parent-partition/virtual-disks/disk-image';
import { openDiskImage } from '../../../../debug-adapter/parent-partition/virtual-disks/open-image';
import { UserError } from '../../../../debug-adapter/support/user-error';
import {
  hasQemuImg,
  ImageFolder,
  readWhole,
  runTool,
  sparseContent,
} from '../../../support/disk-images';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const megabyte = 1 << 20;

/** [format of QEMU, its options, size of the disk, format as it is told here] */
const formats: readonly (readonly [format: string, options: string, size: number, ours: string])[] =
  [
    ['raw', '', 9 * megabyte, 'raw'],
    ['vpc', 'subformat=fixed,force_size=on', 9 * megabyte, 'vhd'],
    ['vpc', 'subformat=dynamic,force_size=on', 9 * megabyte, 'vhd'],
    ['vpc', 'subformat=dynamic', 20 * megabyte, 'vhd'],
    ['vhdx', 'subformat=fixed', 9 * megabyte, 'vhdx'],
    ['vhdx', 'subformat=dynamic', 9 * megabyte, 'vhdx'],
    ['vhdx', 'subformat=dynamic,block_size=1048576,log_size=1048576', 20 * megabyte, 'vhdx'],
    ['vhdx', 'subformat=dynamic,block_size=33554432,block_state_zero=off', 20 * megabyte, 'vhdx'],
  ];

function convert(folder: ImageFolder, name: string, format: string, options: string): string {
  const target = folder.place(`disk.${format}`);
  const how = options === '' ? [] : ['-o', options];
  runTool('qemu-img', 'convert', '-f', 'raw', '-O', format, ...how, folder.place(name), target);
  return target;
}

describe('disk images', () => {
  let folder = new ImageFolder();
  beforeEach(() => (folder = new ImageFolder()));
  afterEach(() => folder.remove());

  for (const [format, options, size, ours] of formats) {
    const title = `${format} ${options} of ${size / megabyte} MiB`;
    it(`are read: ${title}`, function () {
      // Counted as skipped: QEMU's program for images is not on this machine.
      if (!hasQemuImg) this.skip();
      const content = sparseContent(size, 7);
      folder.write('content', content);
      const path = convert(folder, 'content', format, options);
      const image = openDiskImage(path, nodeBlockFiles);
      assert.equal(image.format, ours);
      const expected = readFileSync(convert(folder, 'content', 'raw', ''));
      assert.ok(image.sizeBytes >= expected.length);
      const read = readWhole(image);
      assert.ok(Buffer.from(read.subarray(0, size)).equals(expected));
      assert.ok(read.subarray(size).every((byte) => byte === 0));
      const part = new Uint8Array(3 * megabyte);
      assert.ok(readImage(image, megabyte + 512, part));
      assert.ok(
        Buffer.from(part).equals(Buffer.from(content.subarray(megabyte + 512, 4 * megabyte + 512))),
      );
    });
  }

  it('are read behind the first bitmap block of a table', function () {
    if (!hasQemuImg) this.skip();
    const path = folder.place('large.vhdx');
    const options = 'subformat=dynamic,block_size=1048576';
    runTool('qemu-img', 'create', '-f', 'vhdx', '-o', options, path, '9G');
    const places = [0, 4 * 1024 * megabyte - 512, 8 * 1024 * megabyte + 1024];
    const writes = places.flatMap((at, index) => ['-c', `write -P ${index + 1} ${at} 1024`]);
    runTool('qemu-io', '-f', 'vhdx', ...writes, path);
    const image = openDiskImage(path, nodeBlockFiles);
    for (const [index, at] of places.entries()) {
      const part = new Uint8Array(2048);
      assert.ok(readImage(image, at, part));
      const expected = new Uint8Array(2048).fill(index + 1, 0, 1024);
      assert.deepEqual(part, expected);
    }
  });

  it('have a last sector that ends in zeros where a raw file ends in it', () => {
    const image = openDiskImage(folder.write('odd.raw', Uint8Array.of(1, 2, 3)), nodeBlockFiles);
    assert.equal(image.sizeBytes, 512);
    assert.deepEqual(readWhole(image).subarray(0, 4), Uint8Array.of(1, 2, 3, 0));
  });

  it('are refused where there is none, or an empty one', () => {
    const open = (path: string): unknown => openDiskImage(path, nodeBlockFiles);
    const id = (wanted: string) => (error: unknown) =>
      error instanceof UserError && error.id === wanted;
    assert.throws(() => open(folder.place('none')), id('disk-image-not-found'));
    assert.throws(() => open(folder.path), id('disk-image-unreadable'));
    const empty = folder.write('empty', new Uint8Array(0));
    assert.throws(() => open(empty), id('disk-image-damaged'));
  });

  /** [format and options of QEMU, byte that is damaged, what the message must name] */
  const damages: readonly (readonly [string, string, number, RegExp])[] = [
    ['vpc', 'subformat=fixed', -512 + 66, /footer has a wrong checksum/],
    ['vpc', 'subformat=dynamic', -512 + 50, /footer has a wrong checksum/],
    ['vpc', 'subformat=dynamic', 512 + 3, /dynamic disk header is not where/],
    ['vpc', 'subformat=dynamic', 512 + 34, /dynamic disk header has a wrong checksum/],
    ['vpc', 'subformat=dynamic', 1536, /block allocation table entry 0 points outside the file/],
    ['vhdx', 'subformat=dynamic', 0x30000 + 5, /region table has a wrong checksum, and so/],
    ['vhdx', 'subformat=dynamic', 0x300000, /metadata table is not where/],
    ['vhdx', 'subformat=dynamic', 0x200000 + 6, /block allocation table entry 0 points outside/],
  ];
  for (const [format, options, place, named] of damages) {
    it(`are refused where damaged: ${String(named)}`, function () {
      if (!hasQemuImg) this.skip();
      folder.write('content', sparseContent(5 * megabyte, 3));
      const path = convert(folder, 'content', format, options);
      const bytes = new Uint8Array(readFileSync(path));
      const at = place < 0 ? bytes.length + place : place;
      bytes[at] = (bytes[at] ?? 0) ^ 0x7f;
      // The copies of headers and tables would do as well.
      if (format === 'vhdx' && place === 0x30000 + 5) bytes[0x40000 + 5] = 0xff;
      folder.write('damaged', bytes);
      assert.throws(
        () => openDiskImage(folder.place('damaged'), nodeBlockFiles),
        (error) => error instanceof UserError && named.test(error.message),
      );
    });
  }

  it('are read by the copy of a structure that is damaged', function () {
    if (!hasQemuImg) this.skip();
    const content = sparseContent(5 * megabyte, 4);
    folder.write('content', content);
    for (const [format, place] of [
      ['vpc', -512],
      ['vhdx', 0x30000],
    ] as const) {
      const bytes = new Uint8Array(readFileSync(convert(folder, 'content', format, '')));
      bytes[place < 0 ? bytes.length + place : place] = 0;
      const files = new MemoryBlockFiles(new Map([['disk', bytes]]));
      const read = readWhole(openDiskImage('disk', files)).subarray(0, content.length);
      assert.ok(Buffer.from(read).equals(Buffer.from(content)));
    }
  });

  it('never break the reader, whatever is damaged', function () {
    if (!hasQemuImg) this.skip();
    this.timeout(60_000);
    const seed = seedOf(20_261);
    const random = new SeededRandom(seed);
    folder.write('content', sparseContent(5 * megabyte, 5));
    const originals = formats.slice(2, 6).map(([format, options]) => ({
      format,
      bytes: new Uint8Array(readFileSync(convert(folder, 'content', format, options))),
    }));
    const interesting = [0, 512, 1536, 0x10000, 0x20000, 0x30000, 0x200000, 0x210000, 0x300000];
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const { format, bytes } = random.pick(originals);
      const places =
        format === 'vpc' ? [...interesting.slice(0, 3), bytes.length - 512] : interesting;
      const undo: (readonly [number, number])[] = [];
      for (let change = 0; change < 1 + random.below(3); change++) {
        const at = Math.min(bytes.length - 1, random.pick(places) + random.below(96));
        undo.push([at, bytes[at] ?? 0]);
        bytes[at] = random.chance(50) ? 0xff : random.next() & 0xff;
      }
      const cut = random.chance(10) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
      const files = new MemoryBlockFiles(new Map([['disk', cut]]));
      try {
        const image = openDiskImage('disk', files);
        const part = new Uint8Array(64 * 1024);
        readImage(image, random.below(image.sizeBytes), part);
      } catch (error) {
        assert.ok(error instanceof UserError, `seed ${seed}, round ${round}: ${String(error)}`);
        refused++;
      }
      for (const [at, value] of undo.reverse()) bytes[at] = value;
    }
    assert.ok(refused > 50, `seed ${seed}: ${refused} were refused`);
  });
});
