/** A saved partition as a file: the same chunks as a saved machine has, of one guest. */
import type { Compressor } from '../backends/compressor';
import type { Partition } from '../hypervisor/partition';
import { decodeChunkFile, encodeChunkFile, type Chunk } from '../support/chunk-file';
import { StateRecord } from '../support/state-record';
import { decodeStateTree, encodeStateTree, type StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import { partitionChunkName } from './machine-file';
import {
  damagedFile,
  expandChunk,
  packChunk,
  packComponents,
  packMemory,
  readComponents,
  readMemoryChunks,
} from './saved-chunks';

/** Raised where older readers would misunderstand the file. */
const formatVersion = 1;
/** Of the records in it. */
const version = 2;
const memorySuffix = 'guest';

/** What a file says of itself. */
export interface SavedGuestHeader {
  /** Name of the guest. */
  readonly name: string;
  /** Hash of everything that decides what the guest does: a state fits one configuration only. */
  readonly configurationHash: string;
  /** What the guest's clocks said. */
  readonly momentNs: number;
  /** As {@link saveRam} has it. */
  readonly ram: readonly number[];
}

/** A file that has been read and whose checksum is right. */
export interface SavedGuest {
  readonly header: SavedGuestHeader;
  readonly chunks: readonly Chunk[];
}

/** The pieces of the file of a guest. */
export function encodeGuestFile(
  guest: Partition,
  header: SavedGuestHeader,
  tree: Readonly<Record<string, StateNode>>,
  compressor: Compressor,
): readonly Uint8Array[] {
  function* chunks(): Iterable<Chunk> {
    const plain = encodeStateTree({ version, ...header });
    yield packChunk(partitionChunkName, plain, compressor);
    yield* packComponents(tree, compressor);
    yield* packMemory(guest, memorySuffix, compressor);
  }
  return encodeChunkFile(formatVersion, chunks());
}

/**
 * Reads a file.
 * @throws UserError where it is none, of a whole machine, damaged, or of another version
 */
export function decodeGuestFile(bytes: Uint8Array, compressor: Compressor): SavedGuest {
  const chunks = decodeChunkFile(bytes, formatVersion);
  const first = chunks.find(({ name }) => name === partitionChunkName);
  if (first === undefined) {
    throw new UserError(
      'saved-file-not-of-partition',
      'The file is of a whole machine, not of one partition.',
      'Start a session with it: "restore" in the launch arguments, or --restore.',
    );
  }
  const record = new StateRecord(decodeStateTree(expandChunk(first, compressor)), 'partition');
  record.expectVersion(version);
  return {
    header: {
      name: record.string('name'),
      configurationHash: record.string('configurationHash'),
      momentNs: record.number('momentNs'),
      ram: record.numbers('ram'),
    },
    chunks,
  };
}

/** The components of a saved guest, and its memory. @throws UserError where they are damaged */
export function readGuestChunks(
  { chunks }: SavedGuest,
  guest: Partition,
  compressor: Compressor,
): { readonly tree: StateRecord; readonly memory: StateRecord } {
  const components = readComponents(chunks, compressor);
  if (Object.keys(components).length === 0) throw damagedFile('it has no components');
  const memory = readMemoryChunks(chunks, guest, memorySuffix, compressor);
  return {
    tree: new StateRecord(components, 'partition'),
    memory: new StateRecord(memory, 'memory'),
  };
}
