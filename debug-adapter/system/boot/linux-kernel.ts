/** Loads a Linux kernel by the 64-bit boot protocol (Documentation/x86/boot.rst, "64-bit Boot Protocol"). */
import { Cr4 } from '../../spec/x86/control-registers';
import { bootParams, e820Entry, LinuxBoot, linuxBootSelectors } from '../../spec/linux-boot';
import { structWriter } from '../../support/struct-layout';
import type { GuestConfiguration } from '../machine-configuration';
import type { BootPlan, MemoryPiece } from './boot-plan';
import type { BootServices } from './boot-services';
import {
  commandLineBytes,
  flatDescriptor,
  flatDescriptorTable,
  identityPageTables,
  identityPageTablesBytes,
  lowMemory,
  pageMapLevel5,
} from './boot-structures';
import { isBzImage, readBzImage, type BzImage } from './bz-image';
import {
  checkPlace,
  readElfHead,
  readElfImage,
  type ElfImage,
  type FileSegment,
  type SegmentPlace,
} from './elf-image';
import { placeInitialRamDisk } from './initial-ram-disk';
import { checkInitrdArchive } from './initrd-archive';
import { unpackKernel, unpackKernelByParts } from './kernel-payload';
import { highMemoryStart, memoryMap } from './memory-map';
import { longModeEntry } from './processor-entry';

/** A kernel in its place, however it got there. */
interface LoadedKernel {
  readonly entry: number;
  readonly pieces: readonly MemoryPiece[];
  readonly unpackedPieces?: Iterable<MemoryPiece>;
  /** First address behind all that the kernel needs before it has read its memory map. */
  readonly end: number;
  /** Absent for a bare vmlinux. */
  readonly setupHeader: Uint8Array | undefined;
  readonly initrdAddressMaximum: number;
  readonly commandLineMaximum: number;
}

/** The identity map covers all that 32 bits address: the kernel finds its structures there before it has a map of its own. */
const mappedGigabytes = 4;

/** What a vmlinux without a setup header accepts: COMMAND_LINE_SIZE, and what its bzImage would say of the RAM disk. */
const commandLineMaximum = 2047;
const initrdAddressMaximum = 0x7fffffff;
const kernelAlignment = 0x200000;

/** @throws UserError where the image cannot be loaded */
export function planLinuxKernel(guest: GuestConfiguration, services: BootServices): BootPlan {
  const kernel = loadKernel(guest, services);
  const commandLine = commandLineBytes(guest, kernel.commandLineMaximum);
  const initrd = placeInitialRamDisk(guest, kernel.end, kernel.initrdAddressMaximum + 1);
  if (guest.initrd !== undefined) {
    const { decompressor } = services;
    checkInitrdArchive(guest.initrd, { decompressor, limitBytes: guest.memoryBytes });
  }
  const { code, data } = linuxBootSelectors;
  const { piece, descriptors } = flatDescriptorTable(flatDescriptor.code64, code, data);
  const { startInfoGpa, commandLineGpa, pageTablesGpa } = lowMemory;
  const tables = hasFiveLevels(guest) ? fiveLevelTables() : undefined;
  const { unpackedPieces } = kernel;
  const parameters = bootParameters(guest, kernel, initrd, services.acpiRootPointer.gpa);
  return {
    pieces: [
      piece,
      { gpa: startInfoGpa, bytes: parameters },
      { gpa: commandLineGpa, bytes: commandLine },
      identityPageTables(pageTablesGpa, mappedGigabytes),
      ...(tables === undefined ? [] : [tables]),
      ...kernel.pieces,
      ...(initrd === undefined ? [] : [initrd]),
    ],
    ...(unpackedPieces === undefined ? {} : { unpackedPieces }),
    entry: longModeEntry(
      kernel.entry,
      tables?.gpa ?? pageTablesGpa,
      descriptors,
      { rsi: startInfoGpa },
      tables === undefined ? Cr4.PAE : Cr4.PAE | Cr4.LA57,
    ),
  };
}

/**
 * Who unpacks a kernel also turns 5-level paging on for it, where the processor has it, unless the command line says
 * not to; the kernel goes by CR4.LA57 (arch/x86/boot/compressed/pgtable_64.c).
 */
function hasFiveLevels({ la57, unpack, commandLine }: GuestConfiguration): boolean {
  return la57 === true && unpack !== 'guest' && !commandLine.split(' ').includes('no5lvl');
}

/** The table above the four levels of the identity map, behind these. */
function fiveLevelTables(): MemoryPiece {
  const { pageTablesGpa } = lowMemory;
  return pageMapLevel5(pageTablesGpa + identityPageTablesBytes(mappedGigabytes), pageTablesGpa);
}

function loadKernel(guest: GuestConfiguration, { decompressor }: BootServices): LoadedKernel {
  const { image, memoryBytes } = guest;
  const range = { lowest: highMemoryStart, end: memoryBytes };
  if (!isBzImage(image.bytes)) return loadedElf(readElfImage(image, range), undefined);
  const bzImage = readBzImage(image);
  if (guest.unpack === 'guest') return selfUnpackingKernel(guest, bzImage);
  const kernel = unpackKernelByParts(image, bzImage, decompressor);
  if (kernel === undefined) {
    return loadedElf(readElfImage(unpackKernel(image, bzImage, decompressor), range), bzImage);
  }
  const elf = readElfHead(kernel.head, range, kernel.sizeBytes);
  const unpackedPieces = piecesOfParts(kernel.parts, elf.segments);
  return { ...loadedAt(elf, bzImage), pieces: [], unpackedPieces };
}

/** What goes into memory of a file that comes by parts. */
function* piecesOfParts(
  parts: Iterable<Uint8Array>,
  segments: readonly FileSegment[],
): Generator<MemoryPiece> {
  let partStart = 0;
  for (const part of parts) {
    const partEnd = partStart + part.length;
    for (const { gpa, offset, fileBytes } of segments) {
      const from = Math.max(offset, partStart);
      const end = Math.min(offset + fileBytes, partEnd);
      if (from >= end) continue;
      const bytes = part.subarray(from - partStart, end - partStart);
      yield { gpa: gpa + from - offset, bytes };
    }
    partStart = partEnd;
  }
}

function loadedElf(elf: ElfImage, bzImage: BzImage | undefined): LoadedKernel {
  return { ...loadedAt(elf, bzImage), pieces: elf.segments };
}

function loadedAt(
  { entry, segments }: ElfImage<SegmentPlace>,
  bzImage: BzImage | undefined,
): Omit<LoadedKernel, 'pieces'> {
  const ends = segments.map(({ gpa, memoryBytes }) => gpa + memoryBytes);
  const needed = bzImage === undefined ? 0 : bzImage.preferredAddress + bzImage.initBytes;
  return {
    entry,
    end: Math.max(needed, ...ends),
    setupHeader: bzImage?.setupHeader,
    initrdAddressMaximum: bzImage?.initrdAddressMaximum ?? initrdAddressMaximum,
    commandLineMaximum: bzImage?.commandLineBytes ?? commandLineMaximum,
  };
}

function selfUnpackingKernel(guest: GuestConfiguration, bzImage: BzImage): LoadedKernel {
  const { protectedModeCode, preferredAddress, initBytes } = bzImage;
  const range = { lowest: highMemoryStart, end: guest.memoryBytes };
  checkPlace(guest.image, preferredAddress, Math.max(initBytes, protectedModeCode.length), range);
  return {
    entry: preferredAddress + LinuxBoot.entry64Offset,
    pieces: [{ gpa: preferredAddress, bytes: protectedModeCode }],
    end: preferredAddress + initBytes,
    setupHeader: bzImage.setupHeader,
    initrdAddressMaximum: bzImage.initrdAddressMaximum,
    commandLineMaximum: bzImage.commandLineBytes,
  };
}

function bootParameters(
  guest: GuestConfiguration,
  kernel: LoadedKernel,
  initrd: MemoryPiece | undefined,
  acpiRootPointerGpa: number,
): Uint8Array {
  const bytes = new Uint8Array(bootParams.sizeBytes);
  const write = structWriter(bootParams, bytes);
  const set = (name: string, value: number): void => write(name, BigInt(value));
  if (kernel.setupHeader === undefined) {
    set('boot_flag', LinuxBoot.bootFlag);
    set('header', LinuxBoot.headerMagic);
    set('version', LinuxBoot.versionWritten);
    set('loadflags', LinuxBoot.loadedHigh);
    set('kernel_alignment', kernelAlignment);
  } else {
    bytes.set(kernel.setupHeader, LinuxBoot.setupHeaderStart);
  }
  set('type_of_loader', LinuxBoot.loaderUndefined);
  set('cmd_line_ptr', lowMemory.commandLineGpa);
  set('acpi_rsdp_addr', acpiRootPointerGpa);
  if (initrd !== undefined) {
    set('ramdisk_image', initrd.gpa);
    set('ramdisk_size', initrd.bytes.length);
  }
  const map = memoryMap(guest.memoryBytes);
  set('e820_entries', map.length);
  map.forEach(({ start, end, type }, index) => {
    const at = LinuxBoot.e820TableOffset + index * e820Entry.sizeBytes;
    const writeEntry = structWriter(e820Entry, bytes, at);
    writeEntry('addr', BigInt(start));
    writeEntry('size', BigInt(end - start));
    writeEntry('type', BigInt(type));
  });
  return bytes;
}
