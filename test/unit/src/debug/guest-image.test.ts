// Which image and which name belong to a file.
import assert from 'node:assert/strict';
import {
  guestName,
  guestSummary,
  imagePathFor,
  isGuestSource,
} from '../../../../src/debug/guest-image';

describe('imagePathFor', () => {
  for (const [path, expected] of [
    ['/g/hello.s', '/g/hello.elf'],
    ['/g/HELLO.S', '/g/HELLO.elf'],
    ['/g/hello.asm', '/g/hello.elf'],
    ['/g/hello.elf', '/g/hello.elf'],
    ['C:\\g\\hello.s', 'C:\\g\\hello.elf'],
    ['/g/notes.md', undefined],
    ['/g/s', undefined],
  ] as const) {
    it(`${path} → ${expected ?? 'none'}`, () => assert.equal(imagePathFor(path), expected));
  }
});

describe('guestName', () => {
  for (const [path, expected] of [
    ['/g/hello-partition.elf', 'hello-partition'],
    ['C:\\g\\a.b.elf', 'a.b'],
    ['kernel', 'kernel'],
  ] as const) {
    it(`${path} → ${expected}`, () => assert.equal(guestName(path), expected));
  }
});

describe('isGuestSource', () => {
  for (const [path, expected] of [
    ['a.s', true],
    ['a.ASM', true],
    ['a.elf', false],
  ] as const) {
    it(`${path} → ${expected}`, () => assert.equal(isGuestSource(path), expected));
  }
});

describe('guestSummary', () => {
  for (const [source, expected] of [
    ['# Hello, partition.\n# More.\n', 'Hello, partition.'],
    ['\n\n// In C style\nmov eax, 1', 'In C style'],
    ['/* Block\n * more */', 'Block'],
    ['#\n# Second line counts\n', 'Second line counts'],
    ['    mov eax, 1 # not an opening comment', ''],
    ['', ''],
    [`# ${'x'.repeat(200)}`, `${'x'.repeat(117)}…`],
  ] as const) {
    it(JSON.stringify(source.slice(0, 30)), () => assert.equal(guestSummary(source), expected));
  }
});
