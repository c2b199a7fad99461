/** Reads the headers of ELF executables, 64-bit and 32-bit, for the loaders and for the debugger's symbols. */
import {
  Elf,
  elf32Header,
  elf32ProgramHeader,
  elf64Header,
  elf64ProgramHeader,
  ElfIdent,
  elfMagic,
  elfNoteHeader,
} from '../../spec/elf64';
import { readField, type StructLayout } from '../../support/struct-layout';
import { decodeUtf8 } from '../../support/utf8';
import { limits } from '../limits';
import type { ImageFile } from '../machine-configuration';
import { imageError, truncatedImage } from './image-error';

/** One program header; addresses beyond 2^53 lose their low bits, and are out of every range then. */
export interface ElfProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly physicalAddress: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** What the headers say. */
export interface ElfFile {
  readonly bits: 32 | 64;
  readonly type: number;
  readonly machine: number;
  readonly entry: number;
  readonly programHeaders: readonly ElfProgramHeader[];
}

/** One note of a PT_NOTE segment. */
export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly descriptor: Uint8Array;
}

const rebuildHint =
  'Link the guest as a static x86-64 ELF executable; guests/sample-guest.ld does.';

/** True where the bytes begin as every ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return elfMagic.every((byte, index) => bytes[index] === byte);
}

/**
 * Checks that a file is ELF and little-endian.
 * @param image needs no more than the first 64 bytes
 * @returns whether the file is of the 32-bit or the 64-bit class
 * @throws UserError `image-…` naming the path and the problem
 */
export function checkElfIdentity(image: ImageFile): 32 | 64 {
  const { bytes } = image;
  if (bytes.length === 0) {
    throw imageError(image, 'empty', 'is empty', 'Build the guest, then start again.');
  }
  if (!isElf(bytes)) throw imageError(image, 'not-elf', 'is not an ELF file', rebuildHint);
  const fileClass = bytes[ElfIdent.class];
  const needed = fileClass === Elf.class32 ? elf32Header.sizeBytes : elf64Header.sizeBytes;
  if (bytes.length < needed) throw truncatedImage(image, 'its header');
  if (fileClass !== Elf.class32 && fileClass !== Elf.class64) {
    throw imageError(
      image,
      'wrong-class',
      'is neither a 32-bit nor a 64-bit ELF file',
      rebuildHint,
    );
  }
  if (bytes[ElfIdent.data] !== Elf.dataLittleEndian) {
    throw imageError(image, 'big-endian', 'is a big-endian ELF file', rebuildHint);
  }
  return fileClass === Elf.class32 ? 32 : 64;
}

/**
 * Checks that a file is a 64-bit ELF file for x86-64.
 * @param image needs no more than the first 64 bytes
 * @throws UserError `image-…` naming the path and the problem
 */
export function checkElf64(image: ImageFile): void {
  if (checkElfIdentity(image) !== 64) {
    throw imageError(image, 'not-64-bit', 'is not a 64-bit ELF file', rebuildHint);
  }
  if (Number(readField(elf64Header, image.bytes, 'e_machine')) !== Elf.machineX8664) {
    throw imageError(image, 'wrong-machine', 'is not for x86-64', rebuildHint);
  }
}

/**
 * Reads the headers of a file that {@link checkElfIdentity} accepts.
 * @throws UserError `image-…` naming the path and the problem
 */
export function readElfFile(image: ImageFile): ElfFile {
  const bits = checkElfIdentity(image);
  const layout = bits === 32 ? elf32Header : elf64Header;
  const field = (name: string): number => Number(readField(layout, image.bytes, name));
  return {
    bits,
    type: field('e_type'),
    machine: field('e_machine'),
    entry: field('e_entry'),
    programHeaders: readProgramHeaders(image, bits, field('e_phoff'), field('e_phnum')),
  };
}

function readProgramHeaders(
  image: ImageFile,
  bits: 32 | 64,
  tableOffset: number,
  count: number,
): readonly ElfProgramHeader[] {
  if (count > limits.programHeaders) {
    const problem = `has ${count} program headers; at most ${limits.programHeaders} are read`;
    throw imageError(image, 'too-many-segments', problem, rebuildHint);
  }
  const layout: StructLayout = bits === 32 ? elf32ProgramHeader : elf64ProgramHeader;
  if (tableOffset + count * layout.sizeBytes > image.bytes.length) {
    throw truncatedImage(image, 'its program header table');
  }
  return Array.from({ length: count }, (_, index) => {
    const at = tableOffset + index * layout.sizeBytes;
    const field = (name: string): number => Number(readField(layout, image.bytes, name, at));
    return {
      type: field('p_type'),
      offset: field('p_offset'),
      physicalAddress: field('p_paddr'),
      fileBytes: field('p_filesz'),
      memoryBytes: field('p_memsz'),
    };
  });
}

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** The notes of a file; a damaged one ends the list. */
export function elfNotes(image: ImageFile, file: ElfFile): readonly ElfNote[] {
  const notes: ElfNote[] = [];
  for (const { type, offset, fileBytes } of file.programHeaders) {
    if (type !== Elf.segmentNote || offset + fileBytes > image.bytes.length) continue;
    const bytes = image.bytes.subarray(offset, offset + fileBytes);
    for (let at = 0; at + elfNoteHeader.sizeBytes <= bytes.length;) {
      const field = (name: string): number => Number(readField(elfNoteHeader, bytes, name, at));
      const nameAt = at + elfNoteHeader.sizeBytes;
      const descriptorAt = nameAt + padded(field('n_namesz'));
      const end = descriptorAt + field('n_descsz');
      if (end > bytes.length || notes.length >= limits.elfNotes) break;
      const name = decodeUtf8(bytes.subarray(nameAt, nameAt + Math.max(0, field('n_namesz') - 1)));
      notes.push({ name, type: field('n_type'), descriptor: bytes.subarray(descriptorAt, end) });
      at = descriptorAt + padded(field('n_descsz'));
    }
  }
  return notes;
}
