/** Initial RAM disks: what a kernel would unpack passes, what it would not is named. */
import assert from 'node:assert/strict';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { checkInitrdArchive } from '../../../../debug-adapter/system/boot/initrd-archive';
import { cpioArchive, directory, file } from '../../../../scripts/guest-debian/cpio.mjs';

const archive = new Uint8Array(cpioArchive([directory('bin'), file('init', 'text of 15 byte')]));

const joined = (...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

const patched = (at: number, value: number): Uint8Array => {
  const copy = archive.slice();
  copy[at] = value;
  return copy;
};

const accepted: readonly (readonly [string, Uint8Array])[] = [
  ['an archive', archive],
  ['an archive with padding', joined(archive, new Uint8Array(300))],
  ['two archives', joined(archive, new Uint8Array(4), archive)],
  ['microcode before a compressed archive', joined(archive, [0x28, 0xb5, 0x2f, 0xfd, 1])],
  ['a gzip file', Uint8Array.of(0x1f, 0x8b, 8)],
];

const refused: readonly (readonly [string, string, Uint8Array])[] = [
  ['initrd-unknown', 'a text', Uint8Array.from('#!/bin/sh', (letter) => letter.charCodeAt(0))],
  ['initrd-unknown', 'an ELF file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)],
  ['initrd-unknown', 'zeros', new Uint8Array(16)],
  ['initrd-damaged', 'a size that is no number', patched(54, 0x78)],
  ['initrd-truncated', 'a size beyond the end', patched(54, 0x37)],
  ['initrd-damaged', 'another magic inside', patched(archive.length - 124 + 0, 0x78)],
  ['initrd-truncated', 'an archive without its end', archive.subarray(0, archive.length - 124)],
  ['initrd-truncated', 'a file that is cut', archive.subarray(0, 240)],
];

describe('initial RAM disk', () => {
  for (const [title, bytes] of accepted) {
    it(`may be ${title}`, () => {
      checkInitrdArchive({ path: 'initrd', bytes });
    });
  }

  for (const [id, title, bytes] of refused) {
    it(`is refused with ${id}: ${title}`, () => {
      assert.throws(
        () => checkInitrdArchive({ path: 'initrd.img', bytes }),
        (error) =>
          error instanceof UserError && error.id === id && error.message.includes('initrd.img'),
      );
    });
  }
});
