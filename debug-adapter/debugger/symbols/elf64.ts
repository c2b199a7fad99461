/** Reads the headers, sections and symbols of an x86-64 ELF file (System V gABI, chapter 4). */
import { UserError } from '../../support/user-error';
import { ByteReader } from './byte-reader';

/** A named piece of the file. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  /** Contents; empty for sections without bytes in the file. */
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
  readonly link: number;
  /** The contents are compressed (SHF_COMPRESSED), and so of no use here. */
  readonly compressed: boolean;
}

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

const machineX86_64 = 62;
const sectionNoBits = 8;
const sectionSymbols = 2;
const flagCompressed = 0x800;
const maxSections = 65_536;
const maxSymbols = 4_000_000;
const symbolBytes = 24;

function damaged(path: string, what: string): UserError {
  return new UserError(
    'image-damaged',
    `${path} is a damaged ELF file: ${what}.`,
    'Build the guest again, or copy the file again.',
  );
}

function checkIdentity(bytes: Uint8Array, path: string): void {
  if (bytes.length === 0) {
    throw new UserError('image-empty', `${path} is empty.`, 'Build the guest again.');
  }
  if (bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw new UserError(
      'image-not-elf',
      `${path} is not an ELF file.`,
      'Name a guest program that a linker wrote, for example guests/hello-partition/hello-partition.elf.',
    );
  }
  if (bytes.length < 64) throw damaged(path, 'it ends inside the header');
  if (bytes[4] !== 2 || bytes[5] !== 1) {
    throw new UserError(
      'image-wrong-class',
      `${path} is not a 64-bit little-endian ELF file.`,
      'Build the guest for x86-64.',
    );
  }
}

interface RawSection {
  readonly nameOffset: number;
  readonly section: Omit<ElfSection, 'name'>;
}

function readSection(bytes: Uint8Array, at: number, path: string): RawSection {
  const reader = new ByteReader(bytes, at);
  const nameOffset = reader.u32();
  const type = reader.u32();
  const flags = Number(reader.u64());
  const address = reader.u64();
  const offset = Number(reader.u64());
  const sizeBytes = Number(reader.u64());
  const link = reader.u32();
  const inFile = type !== sectionNoBits && type !== 0;
  if (inFile && offset + sizeBytes > bytes.length) {
    throw damaged(path, `a section reaches to byte ${offset + sizeBytes} of ${bytes.length}`);
  }
  const contents = inFile ? bytes.subarray(offset, offset + sizeBytes) : new Uint8Array(0);
  const compressed = (flags & flagCompressed) !== 0;
  return {
    nameOffset,
    section: { type, flags, address, bytes: contents, sizeBytes, link, compressed },
  };
}

function readSections(bytes: Uint8Array, path: string): readonly ElfSection[] {
  const header = new ByteReader(bytes, 0);
  header.seek(40);
  const tableOffset = Number(header.u64());
  header.seek(58);
  const entryBytes = header.u16();
  const count = header.u16();
  const namesIndex = header.u16();
  if (tableOffset === 0 || count === 0) return [];
  if (entryBytes < 64 || count > maxSections)
    throw damaged(path, 'its section table makes no sense');
  if (tableOffset + count * entryBytes > bytes.length) {
    throw damaged(path, 'it ends before its section table');
  }
  const raw: RawSection[] = [];
  for (let index = 0; index < count; index++) {
    raw.push(readSection(bytes, tableOffset + index * entryBytes, path));
  }
  const names = raw[namesIndex]?.section.bytes ?? new Uint8Array(0);
  return raw.map(({ nameOffset, section }) => ({
    name: new ByteReader(names, nameOffset).text(),
    ...section,
  }));
}

function symbolKind(type: number, section: ElfSection | undefined): ElfSymbol['kind'] {
  if (type === 2) return 'code';
  if (type === 1) return 'data';
  return section !== undefined && (section.flags & 4) !== 0 ? 'label' : 'data';
}

function readSymbols(sections: readonly ElfSection[]): readonly ElfSymbol[] {
  const table = sections.find((section) => section.type === sectionSymbols);
  if (table === undefined) return [];
  const names = sections[table.link]?.bytes ?? new Uint8Array(0);
  const count = Math.min(Math.floor(table.bytes.length / symbolBytes), maxSymbols);
  const symbols: ElfSymbol[] = [];
  for (let index = 1; index < count; index++) {
    const reader = new ByteReader(table.bytes, index * symbolBytes);
    const name = new ByteReader(names, reader.u32()).text();
    const info = reader.u8();
    reader.skip(1);
    const sectionIndex = reader.u16();
    const address = reader.u64();
    const sizeBytes = Number(reader.u64());
    const type = info & 15;
    // Undefined, absolute and special symbols name no place in the image; types above 2 are sections and files.
    if (name === '' || sectionIndex === 0 || sectionIndex >= 0xff00 || type > 2) continue;
    const section = sections[sectionIndex];
    const sectionEnd = section === undefined ? 0n : section.address + BigInt(section.sizeBytes);
    const kind = symbolKind(type, section);
    symbols.push({ name, address, sizeBytes, sectionEnd, kind, global: info >>> 4 !== 0 });
  }
  return symbols;
}

/**
 * Reads an ELF file's sections and symbols.
 * @param path for messages only
 * @throws UserError where the bytes are not a sound x86-64 ELF file
 */
export function readElf64(bytes: Uint8Array, path: string): ElfImage {
  checkIdentity(bytes, path);
  const header = new ByteReader(bytes, 16);
  header.skip(2);
  const machine = header.u16();
  if (machine !== machineX86_64) {
    throw new UserError(
      'image-wrong-architecture',
      `${path} is an ELF file for another architecture (e_machine ${machine}).`,
      'Build the guest for x86-64.',
    );
  }
  header.seek(24);
  const entry = header.u64();
  const sections = readSections(bytes, path);
  return { entry, sections, symbols: readSymbols(sections) };
}
