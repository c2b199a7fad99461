// Differencing images: sectors of the child over those of its parent, made of two written images and the fields that join them.
import assert from 'node:assert/strict';
import { MemoryBlockFiles } from '../../../../debug-adapter/backends/block-source';
import { openDiskImage } from '../../../../debug-adapter/parent-partition/virtual-disks/open-image';
import { vhdChecksum } from '../../../../debug-adapter/parent-partition/virtual-disks/vhd/vhd-structures';
import { UserError } from '../../../../debug-adapter/support/user-error';
import {
  childDisk,
  differencingChildren,
  differencingParents,
  parentContent,
  vhdChild,
  writeImage,
} from '../../../support/differencing-images';
import { readWhole } from '../../../support/disk-images';

describe('differencing images', () => {
  const isRefusal = (id: string) => (error: unknown) =>
    error instanceof UserError && error.id === id;

  for (const format of ['vhd', 'vhdx'] as const) {
    it(`have the sectors of the child over those of the parent: ${format}`, () => {
      const files = new MemoryBlockFiles(
        new Map([
          ['child', differencingChildren[format]('folder\\parent')],
          ['folder/parent', differencingParents[format]],
        ]),
      );
      const image = openDiskImage('child', files);
      assert.equal(image.parent?.path, 'folder/parent');
      assert.ok(Buffer.from(readWhole(image)).equals(childDisk()));
    });

    it(`are refused without their parent, or with another one: ${format}`, () => {
      const child = differencingChildren[format]('parent');
      const open = (parent?: Uint8Array) => () => {
        const files = new Map([['child', child]]);
        if (parent !== undefined) files.set('parent', parent);
        openDiskImage('child', new MemoryBlockFiles(files));
      };
      assert.throws(open(), isRefusal('disk-image-parent-missing'));
      assert.throws(
        open(writeImage(parentContent, format, 9)),
        isRefusal('disk-image-parent-changed'),
      );
    });
  }

  it('are refused where they are based on themselves', () => {
    const child = vhdChild('child');
    child.fill(2, 512 + 40, 512 + 56);
    const header = child.subarray(512, 1536);
    new DataView(child.buffer, 512).setUint32(36, vhdChecksum(header, 36));
    const files = new MemoryBlockFiles(new Map([['child', child]]));
    assert.throws(() => openDiskImage('child', files), isRefusal('disk-image-chain'));
  });
});
