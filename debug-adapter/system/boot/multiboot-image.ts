/** Puts a multiboot kernel where its header or its ELF segments want it, and enters it: the same in both versions. */
import type { GuestConfiguration, ImageFile } from '../machine-configuration';
import type { BootPlan, MemoryPiece } from './boot-plan';
import { flatDescriptor, flatDescriptorTable, lowMemory } from './boot-structures';
import { checkEntry, checkPlace, readElfSegments, type LoadSegment } from './elf-image';
import { imageError, truncatedImage } from './image-error';
import { placeInitialRamDisk } from './initial-ram-disk';
import { highMemoryStart, ramRanges } from './memory-map';
import { protectedModeEntry } from './processor-entry';

const selectors = { code: 0x08, data: 0x10 } as const;

/** What a kernel finds as the name of its loader. */
export const loaderName = 'Hyperscope';

const kibibyte = 1024;

/** KiB of RAM from 0 and from 1 MiB on: what a kernel learns besides the memory map. */
export function basicMemory(memoryBytes: number): {
  readonly lower: number;
  readonly upper: number;
} {
  const low = ramRanges('multiboot', memoryBytes)[0]?.end ?? 0;
  return { lower: low / kibibyte, upper: (memoryBytes - highMemoryStart) / kibibyte };
}

/** Address fields of the header; they replace the ELF headers. */
export interface MultibootAddresses {
  /** Address that belongs to the header itself. */
  readonly header: number;
  readonly load: number;
  /** First address behind the contents, 0 for the whole file. */
  readonly loadEnd: number;
  /** First address behind the memory to be cleared, 0 for none. */
  readonly bssEnd: number;
  readonly entry: number;
}

/** What the header in the file says. */
export interface MultibootHeader {
  /** Where in the file it is. */
  readonly offset: number;
  /** Absent where ELF headers say where the kernel goes. */
  readonly addresses?: MultibootAddresses | undefined;
  /** Where the header names another entry point than the ELF header does. */
  readonly entry?: number | undefined;
}

/** How a version of the specification hands over: the magic number in EAX, and the information that EBX points to. */
export interface MultibootHandover {
  readonly magic: number;
  information(module: MemoryPiece | undefined): readonly MemoryPiece[];
}

/** The kernel in memory. */
interface MultibootImage {
  readonly pieces: readonly MemoryPiece[];
  readonly entry: number;
  /** First address behind it. */
  readonly end: number;
}

/**
 * Works out a kernel, its initial RAM disk as the first module, and the entry in 32-bit protected mode.
 * @throws UserError `image-…` where the kernel cannot be loaded
 */
export function planMultibootImage(
  guest: GuestConfiguration,
  header: MultibootHeader,
  { magic, information }: MultibootHandover,
): BootPlan {
  const kernel = loadImage(guest, header);
  const module = placeInitialRamDisk(guest, kernel.end, guest.memoryBytes);
  const { code, data } = selectors;
  const { piece, descriptors } = flatDescriptorTable(flatDescriptor.code32, code, data);
  const modules = module === undefined ? [] : [module];
  return {
    pieces: [piece, ...information(module), ...kernel.pieces, ...modules],
    entry: protectedModeEntry(kernel.entry, descriptors, {
      rax: magic,
      rbx: lowMemory.startInfoGpa,
    }),
  };
}

function loadImage(
  { image, memoryBytes }: GuestConfiguration,
  { offset, addresses, entry }: MultibootHeader,
): MultibootImage {
  const range = { lowest: highMemoryStart, end: memoryBytes };
  if (addresses !== undefined) {
    const segment = rawSegment(image, offset, addresses);
    checkPlace(image, segment.gpa, segment.memoryBytes, range);
    return loaded(image, [segment], entry ?? addresses.entry);
  }
  const elf = readElfSegments(image, range, true);
  return loaded(image, elf.segments, entry ?? elf.entry);
}

function loaded(image: ImageFile, segments: readonly LoadSegment[], entry: number): MultibootImage {
  checkEntry(image, entry, segments);
  const end = Math.max(...segments.map(({ gpa, memoryBytes }) => gpa + memoryBytes));
  return { pieces: segments, entry, end };
}

function rawSegment(
  image: ImageFile,
  headerOffset: number,
  { header, load, loadEnd, bssEnd }: MultibootAddresses,
): LoadSegment {
  const start = headerOffset - (header - load);
  if (load > header || start < 0) {
    throw imageError(image, 'bad-multiboot', 'has a multiboot header outside of what it loads');
  }
  const length = loadEnd === 0 ? image.bytes.length - start : loadEnd - load;
  if (length <= 0) throw imageError(image, 'bad-multiboot', 'loads nothing');
  if (start + length > image.bytes.length) throw truncatedImage(image, 'what it loads');
  return {
    gpa: load,
    bytes: image.bytes.subarray(start, start + length),
    memoryBytes: Math.max(length, bssEnd - load),
  };
}
