/** The guest program as the debugger sees it: its file, its symbols and where its sources are. */
import type { FileSource } from '../backends/file-source';
import { UserError } from '../support/user-error';
import { loadSymbols, type SymbolSources } from './symbols/load-symbols';
import { SourcePaths, type SourcePathRule } from './symbols/source-paths';
import type { SymbolIndex } from './symbols/symbol-index';

/** A program that has been read. */
export interface Program {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly symbols: SymbolIndex;
  /** Its symbols move with it: see `guest-awareness/kernel-relocation.ts`. */
  readonly isLinuxKernel: boolean;
  readonly sources: SourcePaths;
  /** What a person should know about missing or damaged debug information. */
  readonly notes: readonly string[];
}

const maxProgramBytes = 512 * 1024 * 1024;

/** What a file of a guest is, for messages. */
export interface FileRole {
  /** Beginning of the ids of its problems. */
  readonly id: string;
  /** The launch argument that names it. */
  readonly argument: string;
  readonly hint: string;
}

const programRole: FileRole = {
  id: 'image',
  argument: 'program',
  hint: 'Check "program", or build the guest first.',
};

/**
 * Reads a file that the launch arguments name.
 * @throws UserError where there is no such file or it cannot be read
 */
export function readGuestFile(
  path: string,
  files: FileSource,
  { id, argument, hint }: FileRole = programRole,
  limitBytes = maxProgramBytes,
): Uint8Array {
  const outcome = files.read(path, limitBytes);
  switch (outcome.kind) {
    case 'read':
      return outcome.bytes;
    case 'missing':
      throw new UserError(`${id}-not-found`, `There is no file ${path}.`, hint);
    case 'directory':
      throw new UserError(
        `${id}-is-directory`,
        `${path} is a folder.`,
        `Name the file inside it in "${argument}".`,
      );
    case 'failed':
      throw new UserError(
        `${id}-unreadable`,
        `${path} cannot be read: ${outcome.message}.`,
        `Check "${argument}".`,
      );
  }
}

/**
 * Indexes a program whose bytes the loader has accepted; damaged symbols of its own become a note, not an error.
 * @throws UserError where a file that is named for its symbols cannot be used
 */
export function openProgram(
  sources: SymbolSources,
  rules: readonly SourcePathRule[],
  files: FileSource,
): Program {
  const loaded = loadSymbols(sources, files);
  const { symbols } = loaded;
  const { path, bytes } = sources.image;
  return {
    path,
    bytes,
    symbols,
    isLinuxKernel: sources.kernel !== undefined,
    sources: new SourcePaths(symbols.files, rules, path, files),
    get notes(): readonly string[] {
      return loaded.notes;
    },
  };
}
