/** What a static ELF executable wants in memory, and one sentence about what is wrong with any other file. */
import { Elf } from '../../spec/elf64';
import type { ImageFile } from '../machine-configuration';
import { readElfFile, type ElfFile, type ElfProgramHeader } from './elf-file';
import { imageError, truncatedImage } from './image-error';

/** Where a part of the image goes in guest memory. */
export interface SegmentPlace {
  readonly gpa: number;
  readonly memoryBytes: number;
}

/** Where a part of the image comes from, besides. */
export interface FileSegment extends SegmentPlace {
  readonly offset: number;
  readonly fileBytes: number;
}

/** A part of the image that goes into guest memory. */
export interface LoadSegment extends SegmentPlace {
  /** Contents; memory behind them up to `memoryBytes` is zero. */
  readonly bytes: Uint8Array;
}

/** What the loader needs of an executable. */
export interface ElfImage<Segment extends SegmentPlace = LoadSegment> {
  readonly file: ElfFile;
  readonly entry: number;
  readonly segments: readonly Segment[];
}

/** Where segments may go: from `lowest` up to, not including, `end`. */
export interface LoadRange {
  readonly lowest: number;
  readonly end: number;
}

const rebuildHint =
  'Link the guest as a static x86-64 ELF executable; guests/sample-guest.ld does.';

/**
 * Reads a 64-bit executable that is entered where its header says.
 * @throws UserError `image-…` naming the path and the problem
 */
export function readElfImage(image: ImageFile, range: LoadRange): ElfImage {
  const elf = readElfSegments(image, range);
  checkEntry(image, elf.entry, elf.segments);
  return elf;
}

/**
 * The same of an executable of which there is only the beginning, with all headers.
 * @param sizeBytes of the whole
 * @throws UserError `image-…` naming the path and the problem
 */
export function readElfHead(
  head: ImageFile,
  range: LoadRange,
  sizeBytes: number,
): ElfImage<FileSegment> {
  const elf = readFileSegments(head, range, sizeBytes, false);
  checkEntry(head, elf.entry, elf.segments);
  return elf;
}

/**
 * Reads a 64-bit executable, or with `allow32Bit` also one in a 32-bit container; its entry point may mean nothing.
 * @throws UserError `image-…` naming the path and the problem
 */
export function readElfSegments(image: ImageFile, range: LoadRange, allow32Bit = false): ElfImage {
  const { bytes } = image;
  const elf = readFileSegments(image, range, bytes.length, allow32Bit);
  const segments = elf.segments.map(({ gpa, memoryBytes, offset, fileBytes }) => ({
    gpa,
    memoryBytes,
    bytes: bytes.subarray(offset, offset + fileBytes),
  }));
  return { ...elf, segments };
}

function readFileSegments(
  image: ImageFile,
  range: LoadRange,
  sizeBytes: number,
  allow32Bit: boolean,
): ElfImage<FileSegment> {
  const file = readElfFile(image);
  checkKind(image, file, allow32Bit);
  const segments: FileSegment[] = [];
  for (const header of file.programHeaders) {
    const segment = readSegment(image, header, range, sizeBytes);
    if (segment !== undefined) segments.push(segment);
  }
  if (segments.length === 0) {
    throw imageError(image, 'nothing-to-load', 'has no segment to load', rebuildHint);
  }
  return { file, entry: file.entry, segments };
}

/**
 * Checks that an address at which the processor is to begin lies in a segment.
 * @throws UserError `image-entry-outside`
 */
export function checkEntry(
  image: ImageFile,
  entry: number,
  segments: readonly SegmentPlace[],
): void {
  const holdsEntry = ({ gpa, memoryBytes }: SegmentPlace): boolean =>
    entry >= gpa && entry < gpa + memoryBytes;
  if (segments.some(holdsEntry)) return;
  const problem = `has its entry point at 0x${entry.toString(16)}, outside of what it loads`;
  throw imageError(image, 'entry-outside', problem, rebuildHint);
}

function checkKind(image: ImageFile, file: ElfFile, allow32Bit: boolean): void {
  if (file.bits === 32 && !allow32Bit) {
    throw imageError(image, 'not-64-bit', 'is not a 64-bit ELF file', rebuildHint);
  }
  const machines: readonly number[] =
    file.bits === 32 ? [Elf.machine386, Elf.machineX8664] : [Elf.machineX8664];
  if (!machines.includes(file.machine)) {
    throw imageError(image, 'wrong-machine', 'is not for x86-64', rebuildHint);
  }
  if (file.type !== Elf.typeExecutable) {
    throw imageError(image, 'not-executable', 'is not a static executable', rebuildHint);
  }
}

function readSegment(
  image: ImageFile,
  header: ElfProgramHeader,
  range: LoadRange,
  sizeBytes: number,
): FileSegment | undefined {
  const { type, memoryBytes, fileBytes, offset, physicalAddress: gpa } = header;
  if (type === Elf.segmentInterpreter || type === Elf.segmentDynamic) {
    throw imageError(image, 'dynamic', 'needs a dynamic linker', rebuildHint);
  }
  if (type !== Elf.segmentLoad || memoryBytes === 0) return undefined;
  if (fileBytes > memoryBytes) {
    throw imageError(image, 'bad-segment', 'has a segment larger than its memory', rebuildHint);
  }
  if (offset + fileBytes > sizeBytes) throw truncatedImage(image, 'a segment');
  checkPlace(image, gpa, memoryBytes, range);
  return { gpa, memoryBytes, offset, fileBytes };
}

/**
 * Checks that a part of an image fits where it is to go.
 * @throws UserError `image-segment-…` naming the place
 */
export function checkPlace(
  image: ImageFile,
  gpa: number,
  sizeBytes: number,
  range: LoadRange,
): void {
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
