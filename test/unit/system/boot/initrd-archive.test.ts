/** Initial RAM disks: what a kernel would unpack passes, what it would not is named. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { nodeDecompressor } from '../../../../debug-adapter/host/node-decompressor';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { checkInitrdArchive } from '../../../../debug-adapter/system/boot/initrd-archive';
import { cpioArchive, directory, file } from '../../../../scripts/guest-debian/cpio.mjs';

const archive = new Uint8Array(cpioArchive([directory('bin'), file('init', 'text of 15 byte')]));

const folder = new URL('../../../fixtures/compressed/', import.meta.url);
const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
/** What the fixtures hold is no archive: that is what is said of one that unpacks. */
const packedSamples = [
  ['lz4', sample('legacy.lz4')],
  ['xz', sample('x86-crc32.xz')],
  ['zstd', sample('unknown-size.zst')],
] as const;
const packedArchive = new Uint8Array(gzipSync(archive));
const unpacking = { decompressor: nodeDecompressor, limitBytes: 1 << 24 };

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
  ['a compressed archive', packedArchive],
  ['microcode before a compressed archive', joined(archive, packedArchive)],
  ['a compressed archive with padding', joined(packedArchive, new Uint8Array(300))],
  ['two compressed archives', joined(packedArchive, packedArchive)],
  ['packed in a way that only the kernel unpacks', Uint8Array.of(0x42, 0x5a, 0x68, 0x39)],
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
  ['initrd-damaged', 'gzip, cut', packedArchive.subarray(0, -20)],
  ['initrd-damaged', 'gzip, cut, behind microcode', joined(archive, packedArchive.subarray(0, 50))],
  [
    'initrd-truncated',
    'gzip of half an archive',
    new Uint8Array(gzipSync(archive.subarray(0, 240))),
  ],
  ['initrd-damaged', 'gzip of more than memory', new Uint8Array(gzipSync(new Uint8Array(2 << 24)))],
  ...packedSamples.flatMap(([format, bytes]) => [
    ['initrd-unknown', `${format} of something else`, bytes] as const,
    [
      'initrd-unknown',
      `${format} of something else, with padding`,
      joined(bytes, new Uint8Array(64)),
    ] as const,
    ['initrd-damaged', `${format}, cut`, bytes.subarray(0, bytes.length >> 1)] as const,
  ]),
  ['initrd-damaged', 'a damaged byte of xz', sample('x86-crc32.xz').fill(0x5a, 2000, 2001)],
];

describe('initial RAM disk', () => {
  for (const [title, bytes] of accepted) {
    it(`may be ${title}`, () => {
      checkInitrdArchive({ path: 'initrd', bytes }, unpacking);
    });
  }

  for (const [id, title, bytes] of refused) {
    it(`is refused with ${id}: ${title}`, () => {
      assert.throws(
        () => checkInitrdArchive({ path: 'initrd.img', bytes }, unpacking),
        (error) =>
          error instanceof UserError && error.id === id && error.message.includes('initrd.img'),
      );
    });
  }
});
