/** Small images in the formats that the loaders read, for tests. */
import {
  elf32Header,
  elf32ProgramHeader,
  elf64Header,
  elf64ProgramHeader,
  elfNoteHeader,
} from '../../debug-adapter/spec/elf64';
import { bootParams, LinuxBoot } from '../../debug-adapter/spec/linux-boot';
import { structWriter, type StructLayout } from '../../debug-adapter/support/struct-layout';

/** Bytes at a physical address, with zeroed memory behind them. */
export interface ImageSegment {
  readonly gpa: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes?: number;
}

export interface ImageNote {
  readonly name: string;
  readonly type: number;
  readonly descriptor: Uint8Array;
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

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function noteBytes({ name, type, descriptor }: ImageNote): Uint8Array {
  const header = new Uint8Array(elfNoteHeader.sizeBytes);
  fill(elfNoteHeader, header, 0, {
    n_namesz: name.length + 1,
    n_descsz: descriptor.length,
    n_type: type,
  });
  const padded = (bytes: Uint8Array, length: number): Uint8Array => {
    const result = new Uint8Array(Math.ceil(length / 4) * 4);
    result.set(bytes);
    return result;
  };
  const nameBytes = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
  return joined(header, padded(nameBytes, name.length + 1), padded(descriptor, descriptor.length));
}

/** A static executable whose program headers are one PT_LOAD for each segment and one PT_NOTE. */
export function elfImage(
  bits: 32 | 64,
  entry: number,
  segments: readonly ImageSegment[],
  notes: readonly ImageNote[] = [],
): Uint8Array {
  const header = bits === 64 ? elf64Header : elf32Header;
  const programHeader = bits === 64 ? elf64ProgramHeader : elf32ProgramHeader;
  const table = new Uint8Array(header.sizeBytes + (segments.length + 1) * programHeader.sizeBytes);
  table.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, 1]);
  fill(header, table, 0, {
    e_type: 2,
    e_machine: bits === 64 ? 62 : 3,
    e_entry: entry,
    e_phoff: header.sizeBytes,
    e_phnum: segments.length + 1,
  });
  let offset = table.length;
  const noted = joined(...notes.map(noteBytes));
  segments.forEach(({ gpa, bytes, memoryBytes }, index) => {
    fill(programHeader, table, header.sizeBytes + index * programHeader.sizeBytes, {
      p_type: 1,
      p_offset: offset,
      p_paddr: gpa,
      p_filesz: bytes.length,
      p_memsz: memoryBytes ?? bytes.length,
    });
    offset += bytes.length;
  });
  fill(programHeader, table, header.sizeBytes + segments.length * programHeader.sizeBytes, {
    p_type: 4,
    p_offset: offset,
    p_filesz: noted.length,
    p_memsz: noted.length,
  });
  return joined(table, ...segments.map(({ bytes }) => bytes), noted);
}

/** What a bzImage for tests holds; header fields may be overridden. */
export interface BzImageParts {
  /** Code at the 64-bit entry point. */
  readonly code?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly header?: Readonly<Record<string, number>>;
}

const setupSectors = 7;
const payloadOffset = 0x400;

/** A kernel as the boot protocol describes it, without its real-mode code. */
export function bzImage({ code, payload, header }: BzImageParts): Uint8Array {
  const payloadBytes = payload ?? Uint8Array.of(0x7f, 0x45, 0x4c, 0x46);
  const codeBytes = Math.ceil((payloadOffset + payloadBytes.length) / 16) * 16;
  const start = (setupSectors + 1) * LinuxBoot.sectorBytes;
  const bytes = new Uint8Array(start + codeBytes);
  fill(bootParams, bytes, 0, {
    setup_sects: setupSectors,
    syssize: codeBytes / 16,
    boot_flag: LinuxBoot.bootFlag,
    jump: 0x6aeb,
    header: LinuxBoot.headerMagic,
    version: 0x20f,
    loadflags: 1,
    initrd_addr_max: 0x7fffffff,
    kernel_alignment: 0x200000,
    relocatable_kernel: 1,
    xloadflags: 0x7f,
    cmdline_size: 2047,
    payload_offset: payloadOffset,
    payload_length: payloadBytes.length,
    pref_address: 0x1000000,
    init_size: 0x100000,
    ...header,
  });
  bytes.set(code ?? new Uint8Array(0), start + LinuxBoot.entry64Offset);
  bytes.set(payloadBytes, start + payloadOffset);
  return bytes;
}
