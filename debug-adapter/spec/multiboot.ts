// Table: Multiboot Specification 0.6.96 and Multiboot2 Specification 2.0.
import { structField, structLayout } from '../support/struct-layout';

export const Multiboot = {
  headerMagic: 0x1badb002,
  /** The header lies within so many bytes of the image, aligned to 4. */
  searchBytes: 8192,
  alignment: 4,
  bootloaderMagic: 0x2badb002,
  /** Header flags: bits below 16 are demands; those a loader may not understand. */
  pageAlign: 1,
  memoryInfo: 2,
  videoMode: 4,
  /** The address fields of the header say where the image goes; it needs no ELF header then. */
  addressFields: 0x10000,
  demandMask: 0xffff,
  /** Info flags. */
  infoMemory: 1,
  infoCommandLine: 4,
  infoModules: 8,
  infoMemoryMap: 0x40,
  infoLoaderName: 0x200,
} as const;

export const multibootHeader = structLayout(
  'multiboot_header',
  [
    structField('magic', 'u32', 0),
    structField('flags', 'u32', 4),
    structField('checksum', 'u32', 8),
    structField('header_addr', 'u32', 12),
    structField('load_addr', 'u32', 16),
    structField('load_end_addr', 'u32', 20),
    structField('bss_end_addr', 'u32', 24),
    structField('entry_addr', 'u32', 28),
  ],
  32,
);

export const multibootInfo = structLayout(
  'multiboot_info',
  [
    structField('flags', 'u32', 0),
    structField('mem_lower', 'u32', 4),
    structField('mem_upper', 'u32', 8),
    structField('boot_device', 'u32', 12),
    structField('cmdline', 'u32', 16),
    structField('mods_count', 'u32', 20),
    structField('mods_addr', 'u32', 24),
    structField('mmap_length', 'u32', 44),
    structField('mmap_addr', 'u32', 48),
    structField('boot_loader_name', 'u32', 64),
  ],
  120,
);

export const multibootModule = structLayout(
  'multiboot_mod_list',
  [
    structField('mod_start', 'u32', 0),
    structField('mod_end', 'u32', 4),
    structField('cmdline', 'u32', 8),
  ],
  16,
);

/** `size` does not count itself. */
export const multibootMemoryMapEntry = structLayout(
  'multiboot_memory_map',
  [
    structField('size', 'u32', 0),
    structField('addr', 'u64', 4),
    structField('len', 'u64', 12),
    structField('type', 'u32', 20),
  ],
  24,
);

export const Multiboot2 = {
  headerMagic: 0xe85250d6,
  searchBytes: 32768,
  alignment: 8,
  bootloaderMagic: 0x36d76289,
  architectureI386: 0,
  /** Tags of the header. */
  headerTagEnd: 0,
  headerTagInformationRequest: 1,
  headerTagAddress: 2,
  headerTagEntryAddress: 3,
  headerTagModuleAlignment: 6,
  /** A tag whose flag bit 0 is set may be ignored. */
  headerTagOptional: 1,
  /** Tags of the boot information. */
  tagEnd: 0,
  tagCommandLine: 1,
  tagLoaderName: 2,
  tagModule: 3,
  tagBasicMemory: 4,
  tagMemoryMap: 6,
  tagAcpiNew: 15,
  tagAlignment: 8,
} as const;

export const multiboot2Header = structLayout(
  'multiboot2_header',
  [
    structField('magic', 'u32', 0),
    structField('architecture', 'u32', 4),
    structField('header_length', 'u32', 8),
    structField('checksum', 'u32', 12),
  ],
  16,
);

export const multiboot2HeaderTag = structLayout(
  'multiboot2_header_tag',
  [structField('type', 'u16', 0), structField('flags', 'u16', 2), structField('size', 'u32', 4)],
  8,
);

export const multiboot2AddressTag = structLayout(
  'multiboot2_header_tag_address',
  [
    structField('header_addr', 'u32', 8),
    structField('load_addr', 'u32', 12),
    structField('load_end_addr', 'u32', 16),
    structField('bss_end_addr', 'u32', 20),
  ],
  24,
);

export const multiboot2EntryTag = structLayout(
  'multiboot2_header_tag_entry_address',
  [structField('entry_addr', 'u32', 8)],
  12,
);
