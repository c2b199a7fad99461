// GUIDs between text and structure, and CRC-32C against the values of RFC 3720.
import assert from 'node:assert/strict';
import { crc32c } from '../../../debug-adapter/support/crc32c';
import { guidText, isZeroGuid, parseGuid } from '../../../debug-adapter/support/guid';

describe('GUIDs', () => {
  const text = 'caa16737-fa36-4d43-b3b6-33f0aa44e76b';
  // The bytes of this GUID in a VHDX file that QEMU wrote.
  const bytes = Uint8Array.from([
    ...[0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d],
    ...[0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b],
  ]);

  it('have their first three fields little-endian in a structure', () => {
    assert.deepEqual(parseGuid(text), bytes);
    assert.equal(guidText(bytes), text);
  });

  it('are taken with braces and in capitals', () => {
    assert.deepEqual(parseGuid(`{${text.toUpperCase()}}`), bytes);
  });

  for (const wrong of ['', text.slice(1), text.replace('-', ''), `${text}0`, 'g'.repeat(36)]) {
    it(`are not "${wrong}"`, () => assert.equal(parseGuid(wrong), undefined));
  }

  it('of zeros stand for none', () => {
    assert.ok(isZeroGuid(guidText(new Uint8Array(16))));
    assert.ok(!isZeroGuid(text));
  });
});

/** RFC 3720, appendix B.4. */
const checksums: readonly (readonly [title: string, bytes: Uint8Array, checksum: number])[] = [
  ['32 bytes of zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending bytes', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ['32 descending bytes', Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  ['"123456789"', new TextEncoder().encode('123456789'), 0xe3069283],
];

describe('CRC-32C', () => {
  for (const [title, bytes, checksum] of checksums) {
    it(`of ${title}`, () => assert.equal(crc32c(bytes), checksum));
  }
});
