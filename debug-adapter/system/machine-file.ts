/** A saved machine as a file: a chunk for each component, guest RAM as compressed pages that are not zero. */
import type { Compressor } from '../backends/compressor';
import { describeMemory, readMemory } from '../hypervisor/partition.saved-state';
import type { Partition } from '../hypervisor/partition';
import { pageSizeBytes } from '../machine/addresses';
import type { RecordedInput } from '../machine/host-input';
import { isZeroPage } from '../machine/page-store';
import { decodeChunkFile, encodeChunkFile, type Chunk } from '../support/chunk-file';
import { StateRecord } from '../support/state-record';
import { decodeStateTree, encodeStateTree, type StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import { decodeUtf8, encodeUtf8 } from '../support/utf8';
import { restoreMachineTree, saveMachineTree, type MachineParts } from './machine.saved-state';

/** Raised where older readers would misunderstand the file; a component's own version stands in its chunk. */
const formatVersion = 1;
const chunkVersion = 1;
/** Components are smaller by far; a chunk that says it is larger is damaged or hostile. */
const chunkBytesMax = 256 * 1024 * 1024;
/** Pages of one chunk: what is in memory besides the guest while a machine is saved. */
const pagesPerChunk = 2048;
const rowBytes = 4 + pageSizeBytes;

const originName = 'origin';
const componentPrefix = 'component ';
const mapPrefix = 'memory map ';
const pagesPrefix = 'memory pages ';

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
  const pack = (name: string, plain: Uint8Array): Chunk => ({
    name,
    version: chunkVersion,
    plainBytes: plain.length,
    data: compressor.compress(plain),
  });
  function* chunks(): Iterable<Chunk> {
    yield pack(originName, encodeUtf8(origin));
    for (const [key, node] of Object.entries(saveMachineTree(parts, inputs))) {
      yield pack(componentPrefix + key, encodeStateTree(node));
    }
    for (const guest of parts.guests) {
      yield pack(`${mapPrefix}${guest.id}`, encodeStateTree(saveMap(guest)));
      for (const pages of pageGroups(guest)) yield pack(`${pagesPrefix}${guest.id}`, pages);
    }
  }
  return encodeChunkFile(formatVersion, chunks());
}

/**
 * Reads a file.
 * @throws UserError where it is none, damaged, or newer than this build
 */
export function readMachineFile(bytes: Uint8Array, compressor: Compressor): MachineFile {
  const chunks = decodeChunkFile(bytes, formatVersion);
  const origin = chunks.find(({ name }) => name === originName);
  if (origin === undefined) throw damaged('it does not say what it is of');
  return { origin: decodeUtf8(expand(origin, compressor)), chunks };
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
  const root: Record<string, StateNode> = {};
  for (const chunk of chunks) {
    if (!chunk.name.startsWith(componentPrefix)) continue;
    const key = chunk.name.slice(componentPrefix.length);
    root[key] = decodeStateTree(expand(chunk, compressor));
  }
  root['memories'] = parts.guests.map((guest) => {
    const named = (prefix: string): readonly Chunk[] =>
      chunks.filter(({ name }) => name === `${prefix}${guest.id}`);
    const map = named(mapPrefix)[0];
    if (map === undefined) throw damaged(`the memory of "${guest.name}" is missing`);
    return memoryTree(expand(map, compressor), guest, named(pagesPrefix), compressor);
  });
  return restoreMachineTree(parts, root);
}

function saveMap({ memory }: Partition): StateNode {
  const map = describeMemory({ ...memory.saveMap(), frames: new Uint8Array(0) });
  return { framesInUse: memory.framesInUse, map };
}

/** Rows of frame number and bytes. */
function* pageGroups({ memory }: Partition): Iterable<Uint8Array> {
  let group = new Uint8Array(pagesPerChunk * rowBytes);
  let used = 0;
  for (let frame = 0; frame < memory.framesInUse; frame++) {
    const bytes = memory.frameBytes(frame);
    if (isZeroPage(bytes)) continue;
    new DataView(group.buffer).setUint32(used, frame, true);
    group.set(bytes, used + 4);
    used += rowBytes;
    if (used < group.length) continue;
    yield group;
    group = new Uint8Array(pagesPerChunk * rowBytes);
    used = 0;
  }
  if (used > 0) yield group.subarray(0, used);
}

function memoryTree(
  saved: Uint8Array,
  { name, memory }: Partition,
  groups: readonly Chunk[],
  compressor: Compressor,
): StateNode {
  const record = new StateRecord(decodeStateTree(saved), 'memory');
  const count = record.number('framesInUse');
  if (count < 0 || count > memory.frameCount) {
    throw damaged(`"${name}" does not have the memory that was saved`);
  }
  const frames = new Uint8Array(count * pageSizeBytes);
  for (const group of groups) {
    const rows = expand(group, compressor);
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    for (let at = 0; at + rowBytes <= rows.length; at += rowBytes) {
      const frame = view.getUint32(at, true);
      if (frame >= count) throw damaged(`a page of "${name}" has no place`);
      frames.set(rows.subarray(at + 4, at + rowBytes), frame * pageSizeBytes);
    }
  }
  return describeMemory({ ...readMemory(record.record('map')), frames });
}

function expand({ name, version, plainBytes, data }: Chunk, compressor: Compressor): Uint8Array {
  if (version > chunkVersion) {
    throw new UserError(
      'saved-file-newer',
      `The part "${name}" of the saved machine has version ${version}; this build reads ${chunkVersion}.`,
    );
  }
  if (plainBytes > chunkBytesMax) throw damaged(`its part "${name}" is too large`);
  const outcome = compressor.expand(data, plainBytes);
  if (outcome.kind === 'failed') throw damaged(`its part "${name}": ${outcome.message}`);
  if (outcome.bytes.length !== plainBytes) throw damaged(`its part "${name}" is cut short`);
  return outcome.bytes;
}

function damaged(why: string): UserError {
  return new UserError('saved-file-damaged', `The saved machine is damaged: ${why}.`);
}
