/** A saved machine as a file: a chunk for each component, guest RAM as compressed pages that are not zero. */
import type { Compressor } from '../backends/compressor';
import type { RecordedInput } from '../machine/host-input';
import { decodeChunkFile, encodeChunkFile, type Chunk } from '../support/chunk-file';
import type { StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import { decodeUtf8, encodeUtf8 } from '../support/utf8';
import { restoreMachineTree, saveMachineTree, type MachineParts } from './machine.saved-state';
import {
  damagedFile,
  expandChunk,
  packChunk,
  packComponents,
  packMemory,
  readComponents,
  readMemoryChunks,
} from './saved-chunks';

/** Raised where older readers would misunderstand the file; a component's own version stands in its chunk. */
const formatVersion = 1;

const originName = 'origin';
/** The first chunk of a file of one partition. */
export const partitionChunkName = 'partition';

/** A file that has been read and whose checksum is right. */
export interface MachineFile {
  /** What the file was saved with, to build the same machine. */
  readonly origin: string;
  readonly chunks: readonly Chunk[];
}

/** How a machine is saved. */
export interface SaveOptions {
  readonly compressor: Compressor;
  readonly origin: string;
}

/** The pieces of the file. */
export function encodeMachineFile(
  parts: MachineParts,
  inputs: readonly RecordedInput[],
  { compressor, origin }: SaveOptions,
): readonly Uint8Array[] {
  function* chunks(): Iterable<Chunk> {
    yield packChunk(originName, encodeUtf8(origin), compressor);
    yield* packComponents(saveMachineTree(parts, inputs), compressor);
    for (const guest of parts.guests) yield* packMemory(guest, String(guest.id), compressor);
  }
  return encodeChunkFile(formatVersion, chunks());
}

/**
 * Reads a file.
 * @throws UserError where it is none, damaged, or newer than this build
 */
export function readMachineFile(bytes: Uint8Array, compressor: Compressor): MachineFile {
  const chunks = decodeChunkFile(bytes, formatVersion);
  if (chunks.some(({ name }) => name === partitionChunkName)) {
    throw new UserError(
      'saved-file-of-partition',
      'The file is of one partition, not of a whole machine.',
      'Start the guests that the partition was saved among, and restore it there.',
    );
  }
  const origin = chunks.find(({ name }) => name === originName);
  if (origin === undefined) throw damagedFile('it does not say what it is of');
  return { origin: decodeUtf8(expandChunk(origin, compressor)), chunks };
}

/**
 * Puts a machine into the saved state.
 * @returns the inputs that were accepted before it
 * @throws UserError where the file is of another machine; the machine is then undefined and must be restored again
 */
export function restoreMachineFile(
  parts: MachineParts,
  { chunks }: MachineFile,
  compressor: Compressor,
): readonly RecordedInput[] {
  const root: Record<string, StateNode> = readComponents(chunks, compressor);
  root['memories'] = parts.guests.map((guest) =>
    readMemoryChunks(chunks, guest, String(guest.id), compressor),
  );
  return restoreMachineTree(parts, root);
}
