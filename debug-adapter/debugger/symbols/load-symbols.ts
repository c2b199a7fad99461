/** Finds the symbols of a guest: in the files that a person names, in its image, or in the kernel's own table. */
import type { FileSource } from '../../backends/file-source';
import { UserError } from '../../support/user-error';
import { isElf } from '../../system/boot/elf-file';
import type { ImageFile } from '../../system/machine-configuration';
import { readKallsyms } from '../guest-awareness/linux-kallsyms';
import { isSystemMap, readSystemMap } from '../guest-awareness/system-map';
import { rangesOfBytes, type ByteRanges, type ElfSymbol } from './elf64';
import type { LineRow } from './dwarf-line';
import { indexElf, readElfSymbols, SymbolIndex, type SymbolTable } from './symbol-index';

/** Where symbols may be. */
export interface SymbolSources {
  readonly image: ImageFile;
  /** Files that replace the symbols of the image. */
  readonly symbolFiles: readonly string[];
  /** Gives the kernel without its compression; undefined where the guest is no Linux kernel. */
  readonly kernel: (() => ImageFile) | undefined;
}

/** Symbols, and what a person should know about missing or damaged ones. */
export interface LoadedSymbols {
  readonly symbols: SymbolIndex;
  readonly notes: readonly string[];
}

const maxMapBytes = 64 * 1024 * 1024;
const beginningBytes = 256;

/** @throws UserError where a named file cannot be used; a damaged image becomes a note */
export function loadSymbols(sources: SymbolSources, files: FileSource): LoadedSymbols {
  if (sources.symbolFiles.length > 0) return fromFiles(sources.symbolFiles, files);
  const { kernel, image } = sources;
  if (kernel === undefined) return fromImage(image);
  const own = isElf(image.bytes) ? fromImage(image) : undefined;
  if (own !== undefined && own.symbols.names.length > 0) return own;
  // Its own table takes long to find, and whoever only runs the guest never asks.
  const table = (): readonly ElfSymbol[] => readKallsyms(kernel().bytes)?.symbols ?? [];
  const symbols = new SymbolIndex(table, [], [], []);
  return {
    symbols,
    get notes(): readonly string[] {
      if (symbols.names.length > 0) return [];
      return [`${image.path} has no symbols; name a file that has them in "symbols".`];
    },
  };
}

function fromImage({ path, bytes }: ImageFile): LoadedSymbols {
  try {
    const symbols = indexElf(rangesOfBytes(path, bytes));
    const notes = symbols.problems.map((problem) => `${path}: ${problem}.`);
    if (!symbols.hasLines) {
      notes.push(`${path} has no line information; source breakpoints need it (assemble with -g).`);
    }
    return { symbols, notes };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const note = `Symbols are not available: ${error.text}`;
    return { symbols: SymbolIndex.empty, notes: [note] };
  }
}

function fromFiles(paths: readonly string[], files: FileSource): LoadedSymbols {
  const tables = paths.map((path) => readSymbolFile(path, files));
  const symbols: ElfSymbol[] = [];
  for (const table of tables) for (const symbol of table.symbols) symbols.push(symbol);
  const lines = tables.find((table) => table.rows.length > 0);
  const rows: readonly LineRow[] = lines?.rows ?? [];
  const notes = tables.flatMap(({ problems }, index) =>
    problems.map((problem) => `${paths[index] ?? ''}: ${problem}.`),
  );
  return { symbols: new SymbolIndex(symbols, rows, lines?.files ?? [], []), notes };
}

function symbolError(id: string, message: string): UserError {
  const hint = 'Name a vmlinux with symbols or a System.map in "symbols".';
  return new UserError(`symbols-${id}`, message, hint);
}

function readSymbolFile(path: string, files: FileSource): SymbolTable {
  const ranges: ByteRanges = {
    path,
    read: (offset, length) => {
      const outcome = files.readRange(path, offset, length);
      switch (outcome.kind) {
        case 'read':
          return outcome.bytes;
        case 'missing':
          throw symbolError('not-found', `There is no file ${path}.`);
        case 'directory':
          throw symbolError('unreadable', `${path} is a folder.`);
        case 'failed':
          throw symbolError('unreadable', `${path} cannot be read: ${outcome.message}.`);
      }
    },
  };
  const beginning = ranges.read(0, beginningBytes);
  if (isElf(beginning)) return readElfSymbols(ranges);
  if (!isSystemMap(beginning)) {
    throw symbolError('unknown', `${path} is neither an ELF file nor a System.map.`);
  }
  const symbols = readSystemMap(ranges.read(0, maxMapBytes));
  return { symbols, rows: [], files: [], problems: [] };
}
