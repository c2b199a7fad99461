// Disks against a model of plain bytes: writes, snapshots, saved states and hashes, in random order.
import assert from 'node:assert/strict';
import { MemoryBlockFiles } from '../../../../debug-adapter/backends/block-source';
import { PageStore } from '../../../../debug-adapter/machine/page-store';
import type { OverlaySnapshot } from '../../../../debug-adapter/parent-partition/virtual-disks/disk-overlay';
import { openDiskImage } from '../../../../debug-adapter/parent-partition/virtual-disks/open-image';
import { VirtualDisk } from '../../../../debug-adapter/parent-partition/virtual-disks/virtual-disk';
import { StateHash } from '../../../../debug-adapter/support/state-hash';
import { StateRecord } from '../../../../debug-adapter/support/state-record';
import { decodeStateTree, encodeStateTree } from '../../../../debug-adapter/support/state-tree';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const sizeBytes = 5 * 1024 * 1024 + 1536;

function makeDisk(
  content: Uint8Array,
  pages: PageStore,
  overlayBytesMaximum = 1 << 30,
): VirtualDisk {
  const files = new MemoryBlockFiles(new Map([['disk', content]]));
  const image = openDiskImage('disk', files);
  return new VirtualDisk({ image, isReadOnly: false, pages, overlayBytesMaximum });
}

function wholeOf(disk: VirtualDisk): Buffer {
  const bytes = new Uint8Array(disk.sizeBytes);
  assert.ok(disk.read(0, bytes));
  return Buffer.from(bytes);
}

const hashOf = ({ overlay }: VirtualDisk): string => {
  const hash = new StateHash();
  overlay.addTo(hash);
  return hash.digest();
};

describe('virtual disks', () => {
  it('do what plain bytes do, travel, and keep nothing that nobody holds', () => {
    const seed = seedOf(44);
    const random = new SeededRandom(seed);
    const content = new Uint8Array(sizeBytes).map((_, index) => index ^ (index >>> 9));
    const pages = new PageStore();
    const disk = makeDisk(content, pages);
    let model = Buffer.from(content);
    let kept: { snapshot: OverlaySnapshot; model: Buffer; hash: string }[] = [];
    for (let round = 0; round < 200; round++) {
      const sector = random.below(sizeBytes / 512);
      const count = Math.min(sizeBytes / 512 - sector, 1 + random.below(40));
      const action = random.below(10);
      if (action < 6) {
        const bytes = random.bytes(count * 512);
        assert.equal(disk.write(sector * 512, bytes), 'written');
        model.set(bytes, sector * 512);
      } else if (action < 8) {
        assert.equal(disk.clear(sector * 512, count * 512), 'written');
        model.fill(0, sector * 512, (sector + count) * 512);
      } else if (action === 8) {
        const snapshot = disk.overlay.takeSnapshot();
        kept.push({ snapshot, model: Buffer.from(model), hash: hashOf(disk) });
      } else if (kept.length > 0) {
        const chosen = random.pick(kept);
        disk.overlay.restoreSnapshot(chosen.snapshot);
        model = Buffer.from(chosen.model);
        assert.equal(hashOf(disk), chosen.hash, `seed ${seed}, round ${round}`);
        assert.equal(disk.overlay.compare(chosen.snapshot), undefined);
      }
      if (round % 40 === 0) assert.ok(wholeOf(disk).equals(model), `seed ${seed}, round ${round}`);
    }
    for (const { snapshot, model: then } of kept) {
      disk.overlay.restoreSnapshot(snapshot);
      assert.ok(wholeOf(disk).equals(then));
      snapshot.release();
    }
    kept = [];
    assert.equal(pages.sizeBytes, disk.overlay.sizeBytes);
    disk.overlay.clear();
    assert.equal(pages.sizeBytes, 0);
    assert.ok(wholeOf(disk).equals(Buffer.from(content)));
  });

  it('are the same after saving and restoring, whatever was shared before', () => {
    const random = new SeededRandom(5);
    const content = random.bytes(sizeBytes);
    const disk = makeDisk(content, new PageStore());
    for (let write = 0; write < 50; write++) {
      const snapshot = disk.overlay.takeSnapshot();
      disk.write(random.below(1000) * 512, random.bytes(4096));
      if (write % 2 === 0) disk.clear(random.below(1000) * 4096, 8192);
      snapshot.release();
    }
    const saved = encodeStateTree(disk.overlay.save());
    const other = makeDisk(content, new PageStore());
    other.write(0, new Uint8Array(512).fill(9));
    other.overlay.restore(new StateRecord(decodeStateTree(saved), 'disk'));
    assert.ok(wholeOf(other).equals(wholeOf(disk)));
    assert.equal(hashOf(other), hashOf(disk));
    assert.equal(other.overlay.sizeBytes, disk.overlay.sizeBytes);
    assert.deepEqual(encodeStateTree(other.overlay.save()), saved);
  });

  it('have another hash for every byte that is written', () => {
    const disk = makeDisk(new Uint8Array(sizeBytes), new PageStore());
    const seen = new Set([hashOf(disk)]);
    for (const at of [0, 511, 4096, 3 * 1024 * 1024, sizeBytes - 1]) {
      const sector = new Uint8Array(512);
      sector[at % 512] = 1;
      disk.write(at - (at % 512), sector);
      seen.add(hashOf(disk));
    }
    assert.equal(seen.size, 6);
  });

  it('refuse what is more than may be kept, but take zeros', () => {
    const pages = new PageStore();
    const disk = makeDisk(new Uint8Array(sizeBytes).fill(1), pages, 3 * 4096);
    const page = new Uint8Array(4096).fill(7);
    assert.equal(disk.write(0, new Uint8Array(3 * 4096).fill(7)), 'written');
    assert.equal(disk.write(8 * 4096, page), 'full');
    assert.equal(disk.write(4096, new Uint8Array(4096).fill(8)), 'written');
    assert.equal(disk.clear(8 * 4096, 4096), 'written');
    assert.equal(disk.write(8 * 4096, page), 'full');
    assert.equal(disk.clear(0, 4096), 'written');
    assert.equal(disk.write(8 * 4096, page), 'written');
    assert.equal(pages.sizeBytes, 3 * 4096);
  });

  it('name the contents of their images', () => {
    const content = new SeededRandom(3).bytes(sizeBytes);
    const name = makeDisk(content, new PageStore()).hashImages();
    assert.equal(makeDisk(content, new PageStore()).hashImages(), name);
    content[sizeBytes - 1] = (content[sizeBytes - 1] ?? 0) ^ 1;
    assert.notEqual(makeDisk(content, new PageStore()).hashImages(), name);
  });
});
