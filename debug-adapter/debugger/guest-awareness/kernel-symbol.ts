/** One line of a kernel's symbol table, as `nm` classifies it and kallsyms repeats. */
import { addressSpaceEnd, type ElfSymbol } from '../symbols/elf64';

/** @param type letter of `nm`: T and W are code, capital letters are global */
export function kernelSymbol(type: string, name: string, address: bigint): ElfSymbol {
  return {
    name,
    address,
    sizeBytes: 0,
    sectionEnd: addressSpaceEnd,
    kind: type === 't' || type === 'T' || type === 'w' || type === 'W' ? 'code' : 'data',
    global: type !== type.toLowerCase(),
  };
}
