// Table: layouts and numbers of ELF64, System V ABI (gABI) chapter 4 and the AMD64 supplement.
import { structField, structLayout } from '../support/struct-layout';

export const elfMagic = [0x7f, 0x45, 0x4c, 0x46] as const;

export const Elf = {
  class64: 2,
  dataLittleEndian: 1,
  typeExecutable: 2,
  machineX8664: 62,
  segmentLoad: 1,
  segmentDynamic: 2,
  segmentInterpreter: 3,
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
