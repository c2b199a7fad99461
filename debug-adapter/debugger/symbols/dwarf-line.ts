/** Reads `.debug_line` of DWARF versions 2 to 5 (DWARF 5, section 6.2) into rows of address and source line. */
import { ByteReader } from './byte-reader';

/** From `address` up to the next row of the same sequence, the code belongs to `line` of `file`. */
export interface LineRow {
  readonly address: bigint;
  /** Index into {@link LineTable.files}. */
  readonly file: number;
  /** From 1; 0 where no line is known. */
  readonly line: number;
  /** A recommended place for a breakpoint. */
  readonly isStatement: boolean;
  /** The row only marks the first address behind a sequence. */
  readonly endSequence: boolean;
}

/** All rows of a file, in the order of the programs, and what went wrong while reading. */
export interface LineTable {
  /** Paths as recorded: directory and name joined with `/`. */
  readonly files: readonly string[];
  readonly rows: readonly LineRow[];
  readonly problems: readonly string[];
}

/** The sections that line programs refer to. */
export interface LineSections {
  readonly line: Uint8Array;
  readonly lineStrings: Uint8Array;
  readonly strings: Uint8Array;
}

const maxRows = 20_000_000;
const maxFiles = 1_000_000;

const contentPath = 1;
const contentDirectoryIndex = 2;

interface ProgramHeader {
  readonly version: number;
  readonly minimumInstructionLength: number;
  readonly defaultIsStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  readonly standardLengths: readonly number[];
  /** Index into the table's files by the program's own file number. */
  readonly fileNumbers: Map<number, number>;
}

function joinPath(directory: string, name: string): string {
  if (directory === '' || directory === '.' || name.startsWith('/')) return name;
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

class LineReader {
  readonly files: string[] = [];
  readonly rows: LineRow[] = [];
  readonly problems: string[] = [];
  private readonly fileIndexes = new Map<string, number>();

  constructor(private readonly sections: LineSections) {}

  readAll(): void {
    const bytes = this.sections.line;
    for (let at = 0; at + 4 <= bytes.length;) {
      const reader = new ByteReader(bytes, at);
      const first = reader.u32();
      const wide = first === 0xffffffff;
      const length = wide ? Number(reader.u64()) : first;
      const end = reader.position + length;
      if (length === 0 || end > bytes.length) {
        this.problems.push(`.debug_line is cut off at offset 0x${at.toString(16)}`);
        return;
      }
      this.readProgram(new ByteReader(bytes, reader.position, end), wide, at);
      at = end;
    }
  }

  private readProgram(reader: ByteReader, wide: boolean, at: number): void {
    const version = reader.u16();
    if (version < 2 || version > 5) {
      this.problems.push(`line program at 0x${at.toString(16)} has version ${version}`);
      return;
    }
    if (version >= 5) reader.skip(2);
    const headerLength = wide ? Number(reader.u64()) : reader.u32();
    const programStart = reader.position + headerLength;
    const minimumInstructionLength = reader.u8();
    if (version >= 4) reader.skip(1);
    const defaultIsStatement = reader.u8() !== 0;
    const lineBase = reader.i8();
    const lineRange = reader.u8();
    const opcodeBase = reader.u8();
    const standardLengths: number[] = [];
    for (let opcode = 1; opcode < opcodeBase; opcode++) standardLengths.push(reader.u8());
    const fileNumbers = version >= 5 ? this.readFilesV5(reader, wide) : this.readFilesV2(reader);
    if (reader.exhausted || lineRange === 0 || programStart > reader.end) {
      this.problems.push(`line program header at 0x${at.toString(16)} is damaged`);
      return;
    }
    reader.seek(programStart);
    this.runProgram(reader, {
      version,
      minimumInstructionLength,
      defaultIsStatement,
      lineBase,
      lineRange,
      opcodeBase,
      standardLengths,
      fileNumbers,
    });
  }

  private readFilesV2(reader: ByteReader): Map<number, number> {
    const directories = [''];
    while (!reader.atEnd && directories.length < maxFiles) {
      const directory = reader.text();
      if (directory === '') break;
      directories.push(directory);
    }
    const numbers = new Map<number, number>();
    while (!reader.atEnd && numbers.size < maxFiles) {
      const name = reader.text();
      if (name === '') break;
      const directory = directories[reader.uleb()] ?? '';
      reader.uleb();
      reader.uleb();
      numbers.set(numbers.size + 1, this.fileIndex(joinPath(directory, name)));
    }
    return numbers;
  }

  private readFilesV5(reader: ByteReader, wide: boolean): Map<number, number> {
    const directories = this.readEntriesV5(reader, wide).map((entry) => entry.path);
    const base = directories[0] ?? '';
    const numbers = new Map<number, number>();
    for (const entry of this.readEntriesV5(reader, wide)) {
      const directory = directories[entry.directory] ?? '';
      const inside = entry.directory === 0 ? directory : joinPath(base, directory);
      numbers.set(numbers.size, this.fileIndex(joinPath(inside, entry.path)));
    }
    return numbers;
  }

  private readEntriesV5(
    reader: ByteReader,
    wide: boolean,
  ): readonly { readonly path: string; readonly directory: number }[] {
    const formats: { readonly content: number; readonly form: number }[] = [];
    const formatCount = reader.u8();
    for (let index = 0; index < formatCount; index++) {
      formats.push({ content: reader.uleb(), form: reader.uleb() });
    }
    const count = reader.uleb();
    const entries: { path: string; directory: number }[] = [];
    for (let index = 0; index < count && !reader.atEnd && index < maxFiles; index++) {
      const entry = { path: '', directory: 0 };
      for (const { content, form } of formats) {
        const value = this.readForm(reader, form, wide);
        if (content === contentPath && typeof value === 'string') entry.path = value;
        if (content === contentDirectoryIndex && typeof value === 'number') entry.directory = value;
      }
      entries.push(entry);
    }
    return entries;
  }

  /** Reads one attribute form (DWARF 5, section 7.5.6); unknown forms end the program. */
  private readForm(reader: ByteReader, form: number, wide: boolean): string | number | undefined {
    const offset = (): number => (wide ? Number(reader.u64()) : reader.u32());
    switch (form) {
      case 0x08:
        return reader.text();
      case 0x1f:
        return new ByteReader(this.sections.lineStrings, offset()).text();
      case 0x0e:
        return new ByteReader(this.sections.strings, offset()).text();
      case 0x0b:
        return reader.u8();
      case 0x05:
        return reader.u16();
      case 0x06:
        return reader.u32();
      case 0x07:
        return Number(reader.u64());
      case 0x0f:
        return reader.uleb();
      case 0x1e:
        reader.skip(16);
        return undefined;
      case 0x09:
        reader.skip(reader.uleb());
        return undefined;
      default:
        reader.skip(Number.MAX_SAFE_INTEGER);
        return undefined;
    }
  }

  private fileIndex(path: string): number {
    const known = this.fileIndexes.get(path);
    if (known !== undefined) return known;
    this.files.push(path);
    this.fileIndexes.set(path, this.files.length - 1);
    return this.files.length - 1;
  }

  private runProgram(reader: ByteReader, header: ProgramHeader): void {
    const state = new LineState(header.defaultIsStatement);
    const emit = (endSequence: boolean): void => {
      const file = header.fileNumbers.get(state.file) ?? this.fileIndex('?');
      const { address, line, isStatement } = state;
      this.rows.push({ address, file, line, isStatement, endSequence });
    };
    while (!reader.atEnd && this.rows.length < maxRows) {
      const opcode = reader.u8();
      if (opcode >= header.opcodeBase) {
        const adjusted = opcode - header.opcodeBase;
        state.advance(Math.floor(adjusted / header.lineRange), header.minimumInstructionLength);
        state.line += header.lineBase + (adjusted % header.lineRange);
        emit(false);
      } else if (opcode === 0) {
        this.runExtended(reader, state, header, emit);
      } else {
        runStandard(reader, opcode, state, header, emit);
      }
    }
  }

  private runExtended(
    reader: ByteReader,
    state: LineState,
    header: ProgramHeader,
    emit: (endSequence: boolean) => void,
  ): void {
    const length = reader.uleb();
    const end = reader.position + length;
    switch (reader.u8()) {
      case 1:
        emit(true);
        state.reset(header.defaultIsStatement);
        break;
      case 2:
        state.address = length === 5 ? BigInt(reader.u32()) : reader.u64();
        break;
      case 3: {
        const name = reader.text();
        header.fileNumbers.set(header.fileNumbers.size + 1, this.fileIndex(name));
        break;
      }
    }
    reader.seek(end);
  }
}

class LineState {
  address = 0n;
  file = 1;
  line = 1;
  isStatement: boolean;

  constructor(isStatement: boolean) {
    this.isStatement = isStatement;
  }

  reset(isStatement: boolean): void {
    this.address = 0n;
    this.file = 1;
    this.line = 1;
    this.isStatement = isStatement;
  }

  advance(operations: number, minimumInstructionLength: number): void {
    const bytes = BigInt(operations) * BigInt(minimumInstructionLength);
    this.address = BigInt.asUintN(64, this.address + bytes);
  }
}

/** Standard opcodes (DWARF 5, section 6.2.5.2). */
function runStandard(
  reader: ByteReader,
  opcode: number,
  state: LineState,
  header: ProgramHeader,
  emit: (endSequence: boolean) => void,
): void {
  switch (opcode) {
    case 1:
      emit(false);
      break;
    case 2:
      state.advance(reader.uleb(), header.minimumInstructionLength);
      break;
    case 3:
      state.line += reader.sleb();
      break;
    case 4:
      state.file = reader.uleb();
      break;
    case 6:
      state.isStatement = !state.isStatement;
      break;
    case 8:
      state.advance(
        Math.floor((255 - header.opcodeBase) / header.lineRange),
        header.minimumInstructionLength,
      );
      break;
    case 9:
      state.address = BigInt.asUintN(64, state.address + BigInt(reader.u16()));
      break;
    default: {
      // Column, basic block, prologue, epilogue and ISA change nothing kept here; only their operands are passed.
      const operands = header.standardLengths[opcode - 1] ?? 0;
      for (let index = 0; index < operands; index++) reader.uleb();
    }
  }
}

/** Reads every line program; damaged ones are reported in `problems`, the others are kept. */
export function readDwarfLines(sections: LineSections): LineTable {
  const reader = new LineReader(sections);
  reader.readAll();
  return { files: reader.files, rows: reader.rows, problems: reader.problems };
}
