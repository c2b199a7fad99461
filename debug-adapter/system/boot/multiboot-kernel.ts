/** Loads a kernel by the Multiboot Specification 0.6.96, which enters 32-bit protected mode. */
import {
  Multiboot,
  multibootHeader,
  multibootInfo,
  multibootMemoryMapEntry,
  multibootModule,
} from '../../spec/multiboot';
import { readField, structWriter, type StructLayout } from '../../support/struct-layout';
import { encodeUtf8 } from '../../support/utf8';
import type { GuestConfiguration, ImageFile } from '../machine-configuration';
import type { BootPlan, MemoryPiece } from './boot-plan';
import { commandLineBytes, lowMemory } from './boot-structures';
import { imageError, truncatedImage } from './image-error';
import { memoryMap } from './memory-map';
import {
  basicMemory,
  loaderName,
  planMultibootImage,
  type MultibootAddresses,
} from './multiboot-image';

/**
 * @param headerOffset of the header that has been found in the file
 * @throws UserError where the image cannot be loaded
 */
export function planMultibootKernel(guest: GuestConfiguration, headerOffset: number): BootPlan {
  const addresses = readHeader(guest.image, headerOffset);
  return planMultibootImage(
    guest,
    { offset: headerOffset, addresses },
    {
      magic: Multiboot.bootloaderMagic,
      information: (module) => information(guest, module),
    },
  );
}

function readHeader(image: ImageFile, offset: number): MultibootAddresses | undefined {
  const { bytes } = image;
  const field = (name: string): number => Number(readField(multibootHeader, bytes, name, offset));
  const flags = field('flags');
  const known = Multiboot.pageAlign | Multiboot.memoryInfo | Multiboot.videoMode;
  const unknown = flags & Multiboot.demandMask & ~known;
  if (unknown !== 0) {
    const problem = `demands what no loader knows (multiboot flags 0x${unknown.toString(16)})`;
    throw imageError(image, 'multiboot-demand', problem);
  }
  if ((flags & Multiboot.addressFields) === 0) return undefined;
  if (offset + multibootHeader.sizeBytes > bytes.length) {
    throw truncatedImage(image, 'its multiboot header');
  }
  return {
    header: field('header_addr'),
    load: field('load_addr'),
    loadEnd: field('load_end_addr'),
    bssEnd: field('bss_end_addr'),
    entry: field('entry_addr'),
  };
}

function fill(
  layout: StructLayout,
  bytes: Uint8Array,
  at: number,
  values: Readonly<Record<string, number>>,
): void {
  const write = structWriter(layout, bytes, at);
  for (const [name, value] of Object.entries(values)) write(name, BigInt(value));
}

/** The information structure, then in a page of their own: memory map, module list and the loader's name. */
function information(
  guest: GuestConfiguration,
  module: MemoryPiece | undefined,
): readonly MemoryPiece[] {
  const { startInfoGpa, commandLineGpa, listsGpa } = lowMemory;
  const map = memoryMap(guest.memoryBytes);
  const mapBytes = map.length * multibootMemoryMapEntry.sizeBytes;
  const nameOffset = mapBytes + multibootModule.sizeBytes;
  const name = encodeUtf8(loaderName);
  const lists = new Uint8Array(nameOffset + name.length + 1);
  map.forEach(({ start, end, type }, index) => {
    fill(multibootMemoryMapEntry, lists, index * multibootMemoryMapEntry.sizeBytes, {
      size: multibootMemoryMapEntry.sizeBytes - 4,
      addr: start,
      len: end - start,
      type,
    });
  });
  if (module !== undefined) {
    const { gpa, bytes } = module;
    fill(multibootModule, lists, mapBytes, { mod_start: gpa, mod_end: gpa + bytes.length });
  }
  lists.set(name, nameOffset);
  const { lower, upper } = basicMemory(guest.memoryBytes);
  const info = new Uint8Array(multibootInfo.sizeBytes);
  fill(multibootInfo, info, 0, {
    flags:
      Multiboot.infoMemory |
      Multiboot.infoCommandLine |
      Multiboot.infoMemoryMap |
      Multiboot.infoLoaderName |
      (module === undefined ? 0 : Multiboot.infoModules),
    mem_lower: lower,
    mem_upper: upper,
    cmdline: commandLineGpa,
    mods_count: module === undefined ? 0 : 1,
    mods_addr: module === undefined ? 0 : listsGpa + mapBytes,
    mmap_length: mapBytes,
    mmap_addr: listsGpa,
    boot_loader_name: listsGpa + nameOffset,
  });
  return [
    { gpa: startInfoGpa, bytes: info },
    { gpa: commandLineGpa, bytes: commandLineBytes(guest) },
    { gpa: listsGpa, bytes: lists },
  ];
}
