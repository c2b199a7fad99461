/** The chunks that saved machines and saved partitions are made of: components, and guest RAM as compressed pages that are not zero. */
import type { Compressor } from '../backends/compressor';
import { describeMemory, readMemory } from '../hypervisor/partition.saved-state';
import type { Partition } from '../hypervisor/partition';
import { pageSizeBytes } from '../machine/addresses';
import { isZeroPage } from '../machine/page-store';
import { findMapDamage } from '../machine/saved-map-check';
import type { Chunk } from '../support/chunk-file';
import { StateRecord } from '../support/state-record';
import { decodeStateTree, encodeStateTree, type StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';

const chunkVersion = 1;
/** Components are smaller by far; a chunk that says it is larger is damaged or hostile. */
const chunkBytesMax = 256 * 1024 * 1024;
/** Pages of one chunk: what is in memory besides the guest while it is saved. */
const pagesPerChunk = 2048;
const rowBytes = 4 + pageSizeBytes;

const componentPrefix = 'component ';
const mapPrefix = 'memory map ';
const pagesPrefix = 'memory pages ';

/** A chunk with compressed data. */
export function packChunk(name: string, plain: Uint8Array, compressor: Compressor): Chunk {
  const data = compressor.compress(plain);
  return { name, version: chunkVersion, plainBytes: plain.length, data };
}

/** A chunk for each component of a tree. */
export function* packComponents(
  tree: Readonly<Record<string, StateNode>>,
  compressor: Compressor,
): Iterable<Chunk> {
  for (const [key, node] of Object.entries(tree)) {
    yield packChunk(componentPrefix + key, encodeStateTree(node), compressor);
  }
}

/** The memory of a guest, whose chunks are told from those of others by `suffix`. */
export function* packMemory(
  guest: Partition,
  suffix: string,
  compressor: Compressor,
): Iterable<Chunk> {
  yield packChunk(mapPrefix + suffix, encodeStateTree(saveMap(guest)), compressor);
  for (const pages of pageGroups(guest)) yield packChunk(pagesPrefix + suffix, pages, compressor);
}

/** The components of a file by their keys. @throws UserError where one is damaged */
export function readComponents(
  chunks: readonly Chunk[],
  compressor: Compressor,
): Record<string, StateNode> {
  const root: Record<string, StateNode> = {};
  for (const chunk of chunks) {
    if (!chunk.name.startsWith(componentPrefix)) continue;
    const key = chunk.name.slice(componentPrefix.length);
    root[key] = decodeStateTree(expandChunk(chunk, compressor));
  }
  return root;
}

/** The saved memory of a guest. @throws UserError where it is damaged, or has another size */
export function readMemoryChunks(
  chunks: readonly Chunk[],
  guest: Partition,
  suffix: string,
  compressor: Compressor,
): StateNode {
  const named = (prefix: string): readonly Chunk[] =>
    chunks.filter(({ name }) => name === prefix + suffix);
  const map = named(mapPrefix)[0];
  if (map === undefined) throw damagedFile(`the memory of "${guest.name}" is missing`);
  return memoryTree(expandChunk(map, compressor), guest, named(pagesPrefix), compressor);
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
    throw damagedFile(`"${name}" does not have the memory that was saved`);
  }
  const map = readMemory(record.record('map'));
  const damage = findMapDamage(map, count);
  if (damage !== undefined) throw damagedFile(`the memory map of "${name}" ${damage}`);
  const frames = new Uint8Array(count * pageSizeBytes);
  for (const group of groups) {
    const rows = expandChunk(group, compressor);
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    for (let at = 0; at + rowBytes <= rows.length; at += rowBytes) {
      const frame = view.getUint32(at, true);
      if (frame >= count) throw damagedFile(`a page of "${name}" has no place`);
      frames.set(rows.subarray(at + 4, at + rowBytes), frame * pageSizeBytes);
    }
  }
  return describeMemory({ ...map, frames });
}

/** What a chunk holds. @throws UserError where it is damaged, or newer than this build */
export function expandChunk(
  { name, version, plainBytes, data }: Chunk,
  compressor: Compressor,
): Uint8Array {
  if (version > chunkVersion) {
    throw new UserError(
      'saved-file-newer',
      `The part "${name}" of the saved file has version ${version}; this build reads ${chunkVersion}.`,
    );
  }
  if (plainBytes > chunkBytesMax) throw damagedFile(`its part "${name}" is too large`);
  const outcome = compressor.expand(data, plainBytes);
  if (outcome.kind === 'failed') throw damagedFile(`its part "${name}": ${outcome.message}`);
  if (outcome.bytes.length !== plainBytes) throw damagedFile(`its part "${name}" is cut short`);
  return outcome.bytes;
}

/** The problem of a file that cannot be what was written. */
export function damagedFile(why: string): UserError {
  return new UserError('saved-file-damaged', `The saved file is damaged: ${why}.`);
}
