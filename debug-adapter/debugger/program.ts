/** The guest program as the debugger sees it: its file, its symbols and where its sources are. */
import type { FileSource } from '../backends/file-source';
import { UserError } from '../support/user-error';
import { SourcePaths, type SourcePathRule } from './symbols/source-paths';
import { indexSymbols, SymbolIndex } from './symbols/symbol-index';

/** A program that has been read. */
export interface Program {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly symbols: SymbolIndex;
  readonly sources: SourcePaths;
  /** What a person should know about missing or damaged debug information. */
  readonly notes: readonly string[];
}

const maxProgramBytes = 512 * 1024 * 1024;

/**
 * Reads the bytes of a guest program.
 * @throws UserError where there is no such file or it cannot be read
 */
export function readProgramFile(path: string, files: FileSource): Uint8Array {
  const outcome = files.read(path, maxProgramBytes);
  switch (outcome.kind) {
    case 'read':
      return outcome.bytes;
    case 'missing':
      throw new UserError(
        'image-not-found',
        `There is no file ${path}.`,
        'Check "program", or build the guest first.',
      );
    case 'directory':
      throw new UserError(
        'image-is-directory',
        `${path} is a folder.`,
        'Name the guest program inside it.',
      );
    case 'failed':
      throw new UserError('image-unreadable', `${path} cannot be read: ${outcome.message}.`);
  }
}

/** Indexes a program whose bytes the loader has accepted; damaged symbols become a note, not an error. */
export function openProgram(
  path: string,
  bytes: Uint8Array,
  rules: readonly SourcePathRule[],
  files: FileSource,
): Program {
  let symbols = SymbolIndex.empty;
  const notes: string[] = [];
  try {
    symbols = indexSymbols(bytes, path);
    for (const problem of symbols.problems) notes.push(`${path}: ${problem}.`);
    if (!symbols.hasLines) {
      notes.push(`${path} has no line information; source breakpoints need it (assemble with -g).`);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    notes.push(`Symbols are not available: ${error.text}`);
  }
  return {
    path,
    bytes,
    symbols,
    sources: new SourcePaths(symbols.files, rules, path, files),
    notes,
  };
}
