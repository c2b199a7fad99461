// Images that are written here are what QEMU takes them for, sound, and the disk that they were made of.
import assert from 'node:assert/strict';
import type { BlockSink } from '../../../../debug-adapter/backends/block-source';
import { finishPieces } from '../../../../debug-adapter/parent-partition/virtual-disks/disk-content';
import { readFileSync } from 'node:fs';
import { nodeBlockFiles } from '../../../../debug-adapter/host/node-block-files';
import type { DiskContent } from '../../../../debug-adapter/parent-partition/virtual-disks/disk-content';
import {
  planImage,
  writtenFormats,
  type WrittenFormat,
} from '../../../../debug-adapter/parent-partition/virtual-disks/image-writer';
import { openDiskImage } from '../../../../debug-adapter/parent-partition/virtual-disks/open-image';
import { vhdGeometryOf } from '../../../../debug-adapter/parent-partition/virtual-disks/vhd/vhd-writer';
import { UserError } from '../../../../debug-adapter/support/user-error';
import {
  hasQemuImg,
  ImageFolder,
  readWhole,
  runTool,
  sparseContent,
} from '../../../support/disk-images';

const megabyte = 1 << 20;

function contentOf(bytes: Uint8Array): DiskContent {
  return {
    path: 'disk',
    sizeBytes: bytes.length,
    logicalSectorBytes: 512,
    physicalSectorBytes: 4096,
    identity: Uint8Array.from({ length: 16 }, (_, index) => index * 11),
    read: (offset, target) => {
      target.set(bytes.subarray(offset, offset + target.length));
      return offset + target.length <= bytes.length;
    },
  };
}

const qemuFormats: Readonly<Record<WrittenFormat, string>> = {
  raw: 'raw',
  ...{ vhd: 'vpc', 'vhd-fixed': 'vpc' },
  ...{ vhdx: 'vhdx', 'vhdx-fixed': 'vhdx' },
};

describe('images that are written', () => {
  let folder = new ImageFolder();
  beforeEach(() => (folder = new ImageFolder()));
  afterEach(() => folder.remove());

  function write(bytes: Uint8Array, format: WrittenFormat): string {
    const { sizeBytes, fill } = finishPieces(planImage(contentOf(bytes), format));
    const path = folder.place(`image.${format}`);
    const finish = (sink: BlockSink): void => finishPieces(fill(sink));
    assert.equal(nodeBlockFiles.writeWhole(path, sizeBytes, finish).kind, 'written');
    assert.equal(readFileSync(path).length, sizeBytes);
    return path;
  }

  for (const format of writtenFormats) {
    for (const size of [9 * megabyte, 5 * megabyte + 512]) {
      it(`are sound and the same disk for QEMU: ${format} of ${size} bytes`, function () {
        this.timeout(20_000);
        // Counted as skipped: QEMU's program for images is not on this machine.
        if (!hasQemuImg) this.skip();
        const bytes = sparseContent(size, 12);
        const path = write(bytes, format);
        const raw = folder.write('raw', bytes);
        const qemu = qemuFormats[format];
        if (qemu === 'vhdx') runTool('qemu-img', 'check', '-f', qemu, path);
        runTool('qemu-img', 'compare', '-f', 'raw', '-F', qemu, raw, path);
        const info = JSON.parse(runTool('qemu-img', 'info', '-f', qemu, '--output=json', path)) as {
          'virtual-size': number;
        };
        assert.equal(info['virtual-size'], size);
      });
    }

    it(`are read back: ${format}`, () => {
      const bytes = sparseContent(7 * megabyte, 13);
      const image = openDiskImage(write(bytes, format), nodeBlockFiles);
      assert.ok(Buffer.from(readWhole(image)).equals(Buffer.from(bytes)));
      if (format !== 'raw') assert.deepEqual(image.identity, contentOf(bytes).identity);
      assert.equal(image.physicalSectorBytes, format.startsWith('vhdx') ? 4096 : 512);
    });
  }

  it('leave blocks of zeros out where they are dynamic', () => {
    const bytes = new Uint8Array(64 * megabyte);
    bytes[40 * megabyte] = 1;
    assert.ok(finishPieces(planImage(contentOf(bytes), 'vhd')).sizeBytes < 3 * megabyte);
    assert.ok(finishPieces(planImage(contentOf(bytes), 'vhdx')).sizeBytes <= 6 * megabyte);
  });

  it('are refused where the format has no such disks', () => {
    const large = { ...contentOf(new Uint8Array(512)), sizeBytes: 3 * 2 ** 40 };
    const isRefusal = (error: unknown): boolean =>
      error instanceof UserError && error.id === 'disk-export-format';
    assert.throws(() => finishPieces(planImage(large, 'vhd')), isRefusal);
    const wide = { ...contentOf(new Uint8Array(4096)), logicalSectorBytes: 4096 };
    assert.throws(() => finishPieces(planImage(wide, 'vhd-fixed')), isRefusal);
  });

  /** Computed by hand along the appendix "CHS calculation". */
  const geometries: readonly (readonly [size: number, geometry: readonly number[]])[] = [
    [9 * megabyte, [271, 4, 17]],
    [128 * megabyte, [963, 16, 17]],
    [1024 * megabyte, [2080, 16, 63]],
    [127 * 1024 * megabyte, [65278, 16, 255]],
    [2040 * 1024 * megabyte, [65535, 16, 255]],
  ];
  for (const [size, geometry] of geometries) {
    it(`have the geometry of ${size} bytes`, () => {
      assert.deepEqual(vhdGeometryOf(size), geometry);
    });
  }
});
