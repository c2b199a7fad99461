/** Reads the sections and symbols of an x86-64 ELF file (System V gABI, chapter 4), as little of it as is needed. */
import { Elf, elf64Header, elf64SectionHeader, elf64Symbol } from '../../spec/elf64';
import { readField } from '../../support/struct-layout';
import { UserError } from '../../support/user-error';
import { checkElf64 } from '../../system/boot/elf-file';
import { ByteReader } from './byte-reader';

/** The bytes of a file, read by ranges; it may be too large to be read at once. */
export interface ByteRanges {
  /** For messages. */
  readonly path: string;
  /** Bytes from `offset` on; fewer than `length` where the file ends. */
  read(offset: number, length: number): Uint8Array;
}

/** Ranges of bytes that are in memory. */
export function rangesOfBytes(path: string, bytes: Uint8Array): ByteRanges {
  return { path, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A named piece of the file. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly link: number;
  /** The contents are compressed (SHF_COMPRESSED), and so of no use here. */
  readonly compressed: boolean;
}

/** First address behind all that 64 bits address. */
export const addressSpaceEnd = 1n << 64n;

/** A symbol that names an address in the image. */
export interface ElfSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly sizeBytes: number;
  /** First address behind the section that holds the symbol. */
  readonly sectionEnd: bigint;
  readonly kind: 'code' | 'data' | 'label';
  readonly global: boolean;
}

/** What the debugger needs of an ELF file. */
export interface ElfImage {
  readonly entry: bigint;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

const maxSections = 65_536;
const maxSymbols = 4_000_000;
const maxSectionBytes = 256 * 1024 * 1024;

function damaged(path: string, what: string): UserError {
  return new UserError(
    'image-damaged',
    `${path} is a damaged ELF file: ${what}.`,
    'Build the guest again, or copy the file again.',
  );
}

/**
 * Contents of a section, empty where it has none in the file.
 * @throws UserError where the file ends before it does
 */
export function sectionContents(file: ByteRanges, section: ElfSection): Uint8Array {
  const { type, offset, sizeBytes } = section;
  if (type === Elf.sectionNoBits || type === 0) return new Uint8Array(0);
  if (sizeBytes > maxSectionBytes) throw damaged(file.path, `a section has ${sizeBytes} bytes`);
  const bytes = file.read(offset, sizeBytes);
  if (bytes.length === sizeBytes) return bytes;
  throw damaged(file.path, `a section reaches to byte ${offset + sizeBytes}, behind its end`);
}

function readSections(file: ByteRanges, header: Uint8Array): readonly ElfSection[] {
  const field = (name: string): number => Number(readField(elf64Header, header, name));
  const tableOffset = field('e_shoff');
  const count = field('e_shnum');
  const entryBytes = field('e_shentsize');
  if (tableOffset === 0 || count === 0) return [];
  if (entryBytes < elf64SectionHeader.sizeBytes || count > maxSections) {
    throw damaged(file.path, 'its section table makes no sense');
  }
  const table = file.read(tableOffset, count * entryBytes);
  if (table.length < count * entryBytes) {
    throw damaged(file.path, 'it ends before its section table');
  }
  const unnamed = Array.from({ length: count }, (_, index) => {
    const at = index * entryBytes;
    const value = (name: string): bigint => readField(elf64SectionHeader, table, name, at);
    const flags = Number(value('sh_flags'));
    const nameOffset = Number(value('sh_name'));
    const section: ElfSection = {
      name: '',
      type: Number(value('sh_type')),
      flags,
      address: value('sh_addr'),
      offset: Number(value('sh_offset')),
      sizeBytes: Number(value('sh_size')),
      link: Number(value('sh_link')),
      compressed: (flags & Elf.sectionCompressed) !== 0,
    };
    return { nameOffset, section };
  });
  const namesSection = unnamed[field('e_shstrndx')]?.section;
  const names =
    namesSection === undefined ? new Uint8Array(0) : sectionContents(file, namesSection);
  return unnamed.map(({ nameOffset, section }) => ({
    ...section,
    name: new ByteReader(names, nameOffset).text(),
  }));
}

function symbolKind(type: number, section: ElfSection | undefined): ElfSymbol['kind'] {
  if (type === Elf.symbolFunction) return 'code';
  if (type === Elf.symbolObject) return 'data';
  const isCode = section !== undefined && (section.flags & Elf.sectionExecutable) !== 0;
  return isCode ? 'label' : 'data';
}

const symbolOffset = (name: string): number => elf64Symbol.byName.get(name)?.offset ?? 0;
const nameAt = symbolOffset('st_name');
const infoAt = symbolOffset('st_info');
const sectionAt = symbolOffset('st_shndx');
const valueAt = symbolOffset('st_value');
const sizeAt = symbolOffset('st_size');

/** A kernel has 200,000 symbols: one view of the table and no object for each field. */
function readSymbols(file: ByteRanges, sections: readonly ElfSection[]): readonly ElfSymbol[] {
  const table = sections.find((section) => section.type === Elf.sectionSymbols);
  if (table === undefined) return [];
  const bytes = sectionContents(file, table);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nameSection = sections[table.link];
  const names = new ByteReader(
    nameSection === undefined ? new Uint8Array(0) : sectionContents(file, nameSection),
  );
  const count = Math.min(Math.floor(bytes.length / elf64Symbol.sizeBytes), maxSymbols);
  const symbols: ElfSymbol[] = [];
  for (let index = 1; index < count; index++) {
    const at = index * elf64Symbol.sizeBytes;
    const info = view.getUint8(at + infoAt);
    const type = info & 15;
    const sectionIndex = view.getUint16(at + sectionAt, true);
    // Undefined, absolute and special symbols name no place in the image; types above 2 are sections and files.
    const isPlace =
      sectionIndex !== Elf.sectionUndefined && sectionIndex < Elf.sectionReserved && type <= 2;
    if (!isPlace) continue;
    names.seek(view.getUint32(at + nameAt, true));
    const name = names.text();
    if (name === '') continue;
    const section = sections[sectionIndex];
    symbols.push({
      name,
      address: view.getBigUint64(at + valueAt, true),
      sizeBytes: Number(view.getBigUint64(at + sizeAt, true)),
      sectionEnd: section === undefined ? 0n : section.address + BigInt(section.sizeBytes),
      kind: symbolKind(type, section),
      global: info >>> 4 !== 0,
    });
  }
  return symbols;
}

/**
 * Reads an ELF file's sections and symbols.
 * @throws UserError where the bytes are not a sound x86-64 ELF file
 */
export function readElf64(file: ByteRanges): ElfImage {
  const header = file.read(0, elf64Header.sizeBytes);
  checkElf64({ path: file.path, bytes: header });
  const sections = readSections(file, header);
  const entry = readField(elf64Header, header, 'e_entry');
  return { entry, sections, symbols: readSymbols(file, sections) };
}
