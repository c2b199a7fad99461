// Labels and menus of disks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { DiskInfo } from '../../../../debug-adapter/protocol/guest-disks';
import {
  diskContext,
  diskDescription,
  diskFacts,
  diskLabel,
} from '../../../../src/views/disk-text';

const disk: DiskInfo = {
  ...{ index: 1, path: 'C:\\images\\root.vhdx', controller: 'scsi', location: 0 },
  ...{ sizeBytes: 2 ** 31, isReadOnly: false, isAttached: true },
  ...{ writtenBytes: 12 * 1024, writtenBytesMaximum: 2 ** 30 },
};
const detached: DiskInfo = { ...disk, isAttached: false };
const fixed: DiskInfo = { ...disk, controller: 'ide', isReadOnly: true };

describe('disks', () => {
  it('say what they are', () => {
    assert.equal(diskLabel(disk), 'Disk 1: root.vhdx');
    assert.equal(diskDescription(disk), 'scsi 0 · 2 GiB · 12 KiB written');
    assert.equal(diskDescription(detached), 'detached · scsi 0 · 2 GiB · 12 KiB written');
    assert.equal(diskDescription(fixed), 'ide 0 · 2 GiB · read-only');
    assert.deepEqual(diskFacts(disk).at(-1), [
      'Kept of what the guest wrote',
      '12 KiB of at most 1 GiB',
    ]);
    assert.deepEqual(diskFacts(fixed).at(-1), ['Access', 'read-only']);
  });

  it('have menus for what can be done with them', () => {
    const manifest = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8');
    for (const each of [disk, detached]) {
      assert.ok(manifest.includes(`viewItem == ${diskContext(each)}"`), diskContext(each));
    }
    assert.equal(diskContext(fixed), 'fixedDisk');
  });
});
