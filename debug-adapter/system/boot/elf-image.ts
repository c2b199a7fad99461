/** Reads a static ELF64 executable for x86-64 and says in one sentence what is wrong with any other file. */
import { Elf, elf64Header, elf64ProgramHeader, elfMagic } from '../../spec/elf64';
import { readField } from '../../support/struct-layout';
import { UserError } from '../../support/user-error';
import { limits } from '../limits';
import type { ImageFile } from '../machine-configuration';

/** A part of the image that goes into guest memory. */
export interface LoadSegment {
  readonly gpa: number;
  /** Contents; memory behind them up to `memoryBytes` is zero. */
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

/** What the loader needs of an executable. */
export interface ElfImage {
  readonly entry: number;
  readonly segments: readonly LoadSegment[];
}

/** Where segments may go: from `lowest` up to, not including, `end`. */
export interface LoadRange {
  readonly lowest: number;
  readonly end: number;
}

const identClass = 4;
const identData = 5;
const rebuildHint =
  'Link the guest as a static x86-64 ELF executable; guests/sample-guest.ld does.';

/**
 * @throws UserError `image-…` naming the path and the problem
 */
export function readElfImage(image: ImageFile, range: LoadRange): ElfImage {
  checkIdentity(image);
  const header = (name: string): number => Number(readField(elf64Header, image.bytes, name));
  if (header('e_machine') !== Elf.machineX8664) {
    throw imageError(image, 'wrong-machine', 'is not for x86-64', rebuildHint);
  }
  if (header('e_type') !== Elf.typeExecutable) {
    throw imageError(image, 'not-executable', 'is not a static executable', rebuildHint);
  }
  const segments = readSegments(image, header('e_phoff'), header('e_phnum'), range);
  const entry = header('e_entry');
  const holdsEntry = ({ gpa, memoryBytes }: LoadSegment): boolean =>
    entry >= gpa && entry < gpa + memoryBytes;
  if (!segments.some(holdsEntry)) {
    const problem = `has its entry point at 0x${entry.toString(16)}, outside of what it loads`;
    throw imageError(image, 'entry-outside', problem, rebuildHint);
  }
  return { entry, segments };
}

function imageError(image: ImageFile, id: string, problem: string, hint: string): UserError {
  return new UserError(`image-${id}`, `The guest image ${image.path} ${problem}.`, hint);
}

function checkIdentity(image: ImageFile): void {
  const { bytes } = image;
  if (bytes.length === 0) {
    throw imageError(image, 'empty', 'is empty', 'Build the guest, then start again.');
  }
  if (elfMagic.some((byte, index) => bytes[index] !== byte)) {
    throw imageError(image, 'not-elf', 'is not an ELF file', rebuildHint);
  }
  if (bytes.length < elf64Header.sizeBytes) throw truncated(image, 'its header');
  if (bytes[identClass] !== Elf.class64) {
    throw imageError(image, 'not-64-bit', 'is not a 64-bit ELF file', rebuildHint);
  }
  if (bytes[identData] !== Elf.dataLittleEndian) {
    throw imageError(image, 'big-endian', 'is a big-endian ELF file', rebuildHint);
  }
}

function truncated(image: ImageFile, what: string): UserError {
  return imageError(
    image,
    'truncated',
    `ends before ${what} does`,
    'Build or copy the file again.',
  );
}

function readSegments(
  image: ImageFile,
  tableOffset: number,
  count: number,
  range: LoadRange,
): readonly LoadSegment[] {
  const { bytes } = image;
  if (count > limits.programHeaders) {
    const problem = `has ${count} program headers; at most ${limits.programHeaders} are read`;
    throw imageError(image, 'too-many-segments', problem, rebuildHint);
  }
  const entryBytes = elf64ProgramHeader.sizeBytes;
  if (tableOffset + count * entryBytes > bytes.length) {
    throw truncated(image, 'its program header table');
  }
  const segments: LoadSegment[] = [];
  for (let index = 0; index < count; index++) {
    const segment = readSegment(image, tableOffset + index * entryBytes, range);
    if (segment !== undefined) segments.push(segment);
  }
  if (segments.length === 0) {
    throw imageError(image, 'nothing-to-load', 'has no segment to load', rebuildHint);
  }
  return segments;
}

function readSegment(image: ImageFile, at: number, range: LoadRange): LoadSegment | undefined {
  const field = (name: string): number =>
    Number(readField(elf64ProgramHeader, image.bytes, name, at));
  const type = field('p_type');
  if (type === Elf.segmentInterpreter || type === Elf.segmentDynamic) {
    throw imageError(image, 'dynamic', 'needs a dynamic linker', rebuildHint);
  }
  const memoryBytes = field('p_memsz');
  if (type !== Elf.segmentLoad || memoryBytes === 0) return undefined;
  const offset = field('p_offset');
  const fileBytes = field('p_filesz');
  const gpa = field('p_paddr');
  if (fileBytes > memoryBytes) {
    throw imageError(image, 'bad-segment', 'has a segment larger than its memory', rebuildHint);
  }
  if (offset + fileBytes > image.bytes.length) throw truncated(image, 'a segment');
  checkPlace(image, gpa, memoryBytes, range);
  return { gpa, bytes: image.bytes.subarray(offset, offset + fileBytes), memoryBytes };
}

function checkPlace(image: ImageFile, gpa: number, sizeBytes: number, range: LoadRange): void {
  const place = `loads a segment at 0x${gpa.toString(16)} to 0x${(gpa + sizeBytes).toString(16)}`;
  if (gpa < range.lowest) {
    const problem = `${place}, below 0x${range.lowest.toString(16)}, where boot structures and stack lie`;
    throw imageError(image, 'segment-reserved', problem, rebuildHint);
  }
  if (gpa + sizeBytes > range.end) {
    const problem = `${place}, beyond the end of RAM at 0x${range.end.toString(16)}`;
    throw imageError(image, 'segment-outside', problem, 'Give the guest more memory.');
  }
}
