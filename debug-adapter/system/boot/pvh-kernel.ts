/** Loads a kernel by the PVH boot ABI, which enters 32-bit protected mode (Xen, docs/misc/pvh.pandoc). */
import { hvmMemmapTableEntry, hvmModlistEntry, hvmStartInfo, Pvh } from '../../spec/pvh';
import { structWriter, type StructLayout } from '../../support/struct-layout';
import type { GuestConfiguration } from '../machine-configuration';
import type { BootPlan, MemoryPiece } from './boot-plan';
import type { BootServices } from './boot-services';
import {
  commandLineBytes,
  flatDescriptor,
  flatDescriptorTable,
  lowMemory,
} from './boot-structures';
import { isBzImage, readBzImage } from './bz-image';
import { elfNotes, type ElfNote } from './elf-file';
import { checkEntry, readElfSegments } from './elf-image';
import { imageError } from './image-error';
import { placeInitialRamDisk } from './initial-ram-disk';
import { unpackKernel } from './kernel-payload';
import { highMemoryStart, memoryMap } from './memory-map';
import { protectedModeEntry } from './processor-entry';

const codeSelector = 0x08;
const dataSelector = 0x10;

/** True for the note that holds the entry point. */
export function isPvhNote({ name, type }: ElfNote): boolean {
  return name === Pvh.noteName && type === Pvh.notePhys32Entry;
}

function structure(layout: StructLayout, values: Readonly<Record<string, number>>): Uint8Array {
  const bytes = new Uint8Array(layout.sizeBytes);
  const write = structWriter(layout, bytes);
  for (const [name, value] of Object.entries(values)) write(name, BigInt(value));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @throws UserError where the image cannot be loaded, or has no PVH entry point */
export function planPvhKernel(guest: GuestConfiguration, services: BootServices): BootPlan {
  const { image, memoryBytes } = guest;
  const kernel = isBzImage(image.bytes)
    ? unpackKernel(image, readBzImage(image), services.decompressor)
    : image;
  const elf = readElfSegments(kernel, { lowest: highMemoryStart, end: memoryBytes });
  const note = elfNotes(kernel, elf.file).find(isPvhNote);
  if (note === undefined || note.descriptor.length < 4) {
    throw imageError(
      image,
      'no-pvh-entry',
      'has no PVH entry point',
      'Build the kernel with CONFIG_PVH, or set "format" to "linux".',
    );
  }
  const { buffer, byteOffset } = note.descriptor;
  const entry = new DataView(buffer, byteOffset).getUint32(0, true);
  checkEntry(image, entry, elf.segments);
  const end = Math.max(...elf.segments.map((segment) => segment.gpa + segment.memoryBytes));
  const initrd = placeInitialRamDisk(guest, end, memoryBytes);
  const { piece, descriptors } = flatDescriptorTable(
    flatDescriptor.code32,
    codeSelector,
    dataSelector,
  );
  return {
    pieces: [
      piece,
      ...startInformation(guest, initrd, services.acpiRootPointer.gpa),
      ...elf.segments,
      ...(initrd === undefined ? [] : [initrd]),
    ],
    entry: protectedModeEntry(entry, descriptors, { rbx: lowMemory.startInfoGpa }),
  };
}

function startInformation(
  guest: GuestConfiguration,
  initrd: MemoryPiece | undefined,
  acpiRootPointerGpa: number,
): readonly MemoryPiece[] {
  const { startInfoGpa, commandLineGpa, listsGpa } = lowMemory;
  const map = memoryMap(guest.memoryBytes).map(({ start, end, type }) =>
    structure(hvmMemmapTableEntry, { addr: start, size: end - start, type }),
  );
  const modules =
    initrd === undefined
      ? []
      : [structure(hvmModlistEntry, { paddr: initrd.gpa, size: initrd.bytes.length })];
  const mapBytes = map.length * hvmMemmapTableEntry.sizeBytes;
  const info = structure(hvmStartInfo, {
    magic: Pvh.startMagic,
    version: Pvh.version,
    nr_modules: modules.length,
    modlist_paddr: modules.length === 0 ? 0 : listsGpa + mapBytes,
    cmdline_paddr: commandLineGpa,
    rsdp_paddr: acpiRootPointerGpa,
    memmap_paddr: listsGpa,
    memmap_entries: map.length,
  });
  return [
    { gpa: startInfoGpa, bytes: info },
    { gpa: commandLineGpa, bytes: commandLineBytes(guest) },
    { gpa: listsGpa, bytes: joined([...map, ...modules]) },
  ];
}
