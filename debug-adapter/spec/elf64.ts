// Table: layouts and numbers of ELF64, System V ABI (gABI) chapters 4 and 5, and the AMD64 supplement.
import { structField, structLayout } from '../support/struct-layout';

export const elfMagic = [0x7f, 0x45, 0x4c, 0x46] as const;

/** Where `e_ident` says how the rest of the file is to be read. */
export const ElfIdent = { class: 4, data: 5, bytes: 16 } as const;

export const Elf = {
  class32: 1,
  class64: 2,
  dataLittleEndian: 1,
  typeExecutable: 2,
  machine386: 3,
  machineX8664: 62,
  segmentLoad: 1,
  segmentDynamic: 2,
  segmentInterpreter: 3,
  segmentNote: 4,
  sectionSymbols: 2,
  sectionNoBits: 8,
  /** `sh_flags`: executable instructions. */
  sectionExecutable: 4,
  sectionCompressed: 0x800,
  /** `st_shndx`: no section; from here on, reserved meanings. */
  sectionUndefined: 0,
  sectionReserved: 0xff00,
  symbolObject: 1,
  symbolFunction: 2,
} as const;

export const elf64Header = structLayout('Elf64_Ehdr', [
  structField('e_ident', { bytes: 16 }, 0),
  structField('e_type', 'u16', 16),
  structField('e_machine', 'u16', 18),
  structField('e_version', 'u32', 20),
  structField('e_entry', 'u64', 24),
  structField('e_phoff', 'u64', 32),
  structField('e_shoff', 'u64', 40),
  structField('e_flags', 'u32', 48),
  structField('e_ehsize', 'u16', 52),
  structField('e_phentsize', 'u16', 54),
  structField('e_phnum', 'u16', 56),
  structField('e_shentsize', 'u16', 58),
  structField('e_shnum', 'u16', 60),
  structField('e_shstrndx', 'u16', 62),
]);

export const elf64ProgramHeader = structLayout('Elf64_Phdr', [
  structField('p_type', 'u32', 0),
  structField('p_flags', 'u32', 4),
  structField('p_offset', 'u64', 8),
  structField('p_vaddr', 'u64', 16),
  structField('p_paddr', 'u64', 24),
  structField('p_filesz', 'u64', 32),
  structField('p_memsz', 'u64', 40),
  structField('p_align', 'u64', 48),
]);

export const elf64SectionHeader = structLayout('Elf64_Shdr', [
  structField('sh_name', 'u32', 0),
  structField('sh_type', 'u32', 4),
  structField('sh_flags', 'u64', 8),
  structField('sh_addr', 'u64', 16),
  structField('sh_offset', 'u64', 24),
  structField('sh_size', 'u64', 32),
  structField('sh_link', 'u32', 40),
  structField('sh_info', 'u32', 44),
  structField('sh_addralign', 'u64', 48),
  structField('sh_entsize', 'u64', 56),
]);

export const elf64Symbol = structLayout('Elf64_Sym', [
  structField('st_name', 'u32', 0),
  structField('st_info', 'u8', 4),
  structField('st_other', 'u8', 5),
  structField('st_shndx', 'u16', 6),
  structField('st_value', 'u64', 8),
  structField('st_size', 'u64', 16),
]);

/** The 32-bit container that some multiboot kernels use for 64-bit code. */
export const elf32Header = structLayout(
  'Elf32_Ehdr',
  [
    structField('e_ident', { bytes: 16 }, 0),
    structField('e_type', 'u16', 16),
    structField('e_machine', 'u16', 18),
    structField('e_version', 'u32', 20),
    structField('e_entry', 'u32', 24),
    structField('e_phoff', 'u32', 28),
    structField('e_shoff', 'u32', 32),
    structField('e_flags', 'u32', 36),
    structField('e_ehsize', 'u16', 40),
    structField('e_phentsize', 'u16', 42),
    structField('e_phnum', 'u16', 44),
    structField('e_shentsize', 'u16', 46),
    structField('e_shnum', 'u16', 48),
    structField('e_shstrndx', 'u16', 50),
  ],
  52,
);

export const elf32ProgramHeader = structLayout('Elf32_Phdr', [
  structField('p_type', 'u32', 0),
  structField('p_offset', 'u32', 4),
  structField('p_vaddr', 'u32', 8),
  structField('p_paddr', 'u32', 12),
  structField('p_filesz', 'u32', 16),
  structField('p_memsz', 'u32', 20),
  structField('p_flags', 'u32', 24),
  structField('p_align', 'u32', 28),
]);

/** A note: this header, then name and descriptor, each padded to 4 bytes. */
export const elfNoteHeader = structLayout(
  'Elf64_Nhdr',
  [
    structField('n_namesz', 'u32', 0),
    structField('n_descsz', 'u32', 4),
    structField('n_type', 'u32', 8),
  ],
  12,
);
