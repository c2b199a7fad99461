/** The ELF loader: a good image is read, every bad one gets one sentence that names it. */
import assert from 'node:assert/strict';
import { elf64Header, elf64ProgramHeader } from '../../../../debug-adapter/spec/elf64';
import { writeField } from '../../../../debug-adapter/support/struct-layout';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { readElfImage } from '../../../../debug-adapter/system/boot/elf-image';

const range = { lowest: 0x100000, end: 0x400000 };
const programHeader = elf64Header.sizeBytes;
const contents = programHeader + 2 * elf64ProgramHeader.sizeBytes;

/** Damages an image in place, or gives another. */
type Spoil = (bytes: Uint8Array) => Uint8Array | undefined;

/** A valid image of four bytes at 0x100000, spoiled by `spoil`. */
function image(spoil: Spoil = () => undefined): Uint8Array {
  const bytes = new Uint8Array(contents + 4);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const header = {
    e_type: 2,
    e_machine: 62,
    e_entry: 0x100002,
    e_phoff: programHeader,
    e_phnum: 2,
  };
  const load = { p_type: 1, p_offset: contents, p_paddr: 0x100000, p_filesz: 4, p_memsz: 0x2000 };
  for (const [name, value] of Object.entries(header)) {
    writeField(elf64Header, bytes, name, BigInt(value));
  }
  for (const [name, value] of Object.entries(load)) {
    writeField(elf64ProgramHeader, bytes, name, BigInt(value), programHeader);
  }
  bytes.set([0x90, 0x90, 0xf4, 0x00], contents);
  return spoil(bytes) ?? bytes;
}

const header =
  (name: string, value: bigint): Spoil =>
  (bytes) => {
    writeField(elf64Header, bytes, name, value);
    return undefined;
  };
const segment =
  (name: string, value: bigint): Spoil =>
  (bytes) => {
    writeField(elf64ProgramHeader, bytes, name, value, programHeader);
    return undefined;
  };
const identity =
  (at: number, value: number): Spoil =>
  (bytes) => {
    bytes[at] = value;
    return undefined;
  };

const refused: readonly (readonly [string, Spoil])[] = [
  ['image-empty', () => new Uint8Array(0)],
  ['image-not-elf', () => Uint8Array.from('#!/bin/sh', (letter) => letter.charCodeAt(0))],
  ['image-not-elf', () => Uint8Array.of(0x7f, 0x45)],
  ['image-truncated', (bytes) => bytes.slice(0, 20)],
  ['image-truncated', (bytes) => bytes.slice(0, 100)],
  ['image-truncated', (bytes) => bytes.slice(0, -1)],
  ['image-not-64-bit', identity(4, 1)],
  ['image-wrong-class', identity(4, 3)],
  ['image-big-endian', identity(5, 2)],
  ['image-wrong-machine', header('e_machine', 183n)],
  ['image-not-executable', header('e_type', 3n)],
  ['image-too-many-segments', header('e_phnum', 65n)],
  ['image-truncated', header('e_phoff', (1n << 64n) - 1n)],
  ['image-nothing-to-load', segment('p_type', 4n)],
  ['image-dynamic', segment('p_type', 3n)],
  ['image-bad-segment', segment('p_memsz', 3n)],
  ['image-truncated', segment('p_offset', 1n << 40n)],
  ['image-segment-reserved', segment('p_paddr', 0x4000n)],
  ['image-segment-outside', segment('p_paddr', 0x3ff000n)],
  ['image-segment-outside', segment('p_paddr', (1n << 63n) - 1n)],
  ['image-segment-outside', segment('p_memsz', 1n << 62n)],
  ['image-entry-outside', header('e_entry', 0x1000n)],
];

describe('ELF image', () => {
  it('reads entry and segments', () => {
    const read = readElfImage({ path: 'guest.elf', bytes: image() }, range);
    assert.equal(read.entry, 0x100002);
    assert.deepEqual(read.segments, [
      { gpa: 0x100000, bytes: Uint8Array.of(0x90, 0x90, 0xf4, 0), memoryBytes: 0x2000 },
    ]);
  });

  for (const [id, spoil] of refused) {
    it(`refuses with ${id}, naming the file`, () => {
      assert.throws(
        () => readElfImage({ path: 'guest.elf', bytes: image(spoil) }, range),
        (problem) =>
          problem instanceof UserError &&
          problem.id === id &&
          problem.message.includes('guest.elf'),
      );
    });
  }

  it('no single damaged byte makes it throw anything but a message', () => {
    for (let at = 0; at < contents; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const bytes = image(identity(at, value));
        try {
          readElfImage({ path: 'guest.elf', bytes }, range);
        } catch (problem) {
          assert(problem instanceof UserError, `byte ${at}: ${String(problem)}`);
        }
      }
    }
  });
});
