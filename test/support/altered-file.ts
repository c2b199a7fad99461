/** Saved files whose checksum is right, and whose contents are not what was saved. */
import assert from 'node:assert/strict';
import { nodePorts } from '../../debug-adapter/host/node-ports';
import { decodeChunkFile, encodeChunkFile } from '../../debug-adapter/support/chunk-file';
import {
  decodeStateTree,
  encodeStateTree,
  type StateNode,
} from '../../debug-adapter/support/state-tree';

const { compressor } = nodePorts;
const formatVersion = 1;

function isRecord(node: StateNode | undefined): node is Readonly<Record<string, StateNode>> {
  return typeof node === 'object' && !Array.isArray(node) && !(node instanceof Uint8Array);
}

/** The trees in a file whose chunk names `isMeant` accepts, by these names. */
export function treesOf(
  file: Uint8Array,
  isMeant: (name: string) => boolean,
): ReadonlyMap<string, StateNode> {
  const chunks = decodeChunkFile(file, formatVersion).filter(({ name }) => isMeant(name));
  return new Map(
    chunks.map(({ name, data, plainBytes }) => {
      const plain = compressor.expand(data, plainBytes);
      assert(plain.kind !== 'failed');
      return [name, decodeStateTree(plain.bytes)];
    }),
  );
}

/** The file with another tree in one of its chunks. */
export function withTree(file: Uint8Array, name: string, tree: StateNode): Uint8Array {
  const chunks = decodeChunkFile(file, formatVersion).map((chunk) => {
    if (chunk.name !== name) return chunk;
    const plain = encodeStateTree(tree);
    return { ...chunk, plainBytes: plain.length, data: compressor.compress(plain) };
  });
  return new Uint8Array(Buffer.concat(encodeChunkFile(formatVersion, chunks)));
}

/** The memory map of a guest in a file, to be changed. */
export interface OpenMap {
  /** Entries of the first part, by guest page. */
  readonly entries: DataView;
  framesInUse: number;
  parts: { index: number; entries: Uint8Array }[];
  overlays: { gpaPage: number; underlying: number }[];
  freeFrames: number[];
}

/** The file with a changed map of the memory named `suffix`. */
export function withMap(
  file: Uint8Array,
  suffix: string,
  change: (map: OpenMap) => void,
): Uint8Array {
  const name = `memory map ${suffix}`;
  const tree = treesOf(file, (candidate) => candidate === name).get(name);
  assert(isRecord(tree) && isRecord(tree['map']));
  const { chunks, overlays, freeFrames } = tree['map'];
  const parts = listOf(chunks).map((part) => {
    const { index, entries } = part;
    assert(typeof index === 'number' && entries instanceof Uint8Array);
    return { index, entries: entries.slice() };
  });
  const [first] = parts;
  assert(first !== undefined && first.index === 0 && Array.isArray(freeFrames));
  const map: OpenMap = {
    entries: new DataView(first.entries.buffer),
    framesInUse: Number(tree['framesInUse']),
    parts,
    overlays: listOf(overlays).map(({ gpaPage, underlying }) => ({
      gpaPage: Number(gpaPage),
      underlying: Number(underlying),
    })),
    freeFrames: freeFrames.map(Number),
  };
  change(map);
  const changed = { ...tree['map'], chunks: parts, overlays: map.overlays };
  return withTree(file, name, {
    framesInUse: map.framesInUse,
    map: { ...changed, freeFrames: map.freeFrames },
  });
}

function listOf(node: StateNode | undefined): readonly Readonly<Record<string, StateNode>>[] {
  assert(Array.isArray(node));
  return node.map((item: StateNode) => {
    assert(isRecord(item));
    return item;
  });
}

/** Bits of an entry of the map: rights, that it is mapped, and from bit 8 on the frame and one. */
const frameShift = 8;

/** The first page that has a frame, and the first behind it that has another. */
function touchedPages({ entries, overlays }: OpenMap): readonly [number, number] {
  const pages = Array.from({ length: entries.byteLength / 4 }, (_, page) => page).filter(
    (page) =>
      entries.getInt32(page * 4, true) >>> frameShift > 0 &&
      overlays.every(({ gpaPage }) => gpaPage !== page),
  );
  const [first, second] = pages;
  assert(first !== undefined && second !== undefined);
  return [first, second];
}

const entryAt = (map: OpenMap, page: number): number => map.entries.getInt32(page * 4, true);
const setEntry = (map: OpenMap, page: number, value: number): void =>
  map.entries.setInt32(page * 4, value, true);

function changeEntry(change: (entry: number, map: OpenMap) => number): (map: OpenMap) => void {
  return (map) => {
    const [page] = touchedPages(map);
    setEntry(map, page, change(entryAt(map, page), map));
  };
}

/** Maps that no memory can have saved; the memory that is changed has an overlay page. */
export const hostileMaps: readonly (readonly [what: string, change: (map: OpenMap) => void])[] = [
  [
    'a page whose frame was never handed out',
    changeEntry((entry, { framesInUse }) => ((framesInUse + 1) << frameShift) | (entry & 0xff)),
  ],
  ['a page whose frame no memory has', changeEntry((entry) => entry | (0xffffff << frameShift))],
  [
    'two pages with one frame',
    (map) => {
      const [first, second] = touchedPages(map);
      setEntry(map, second, entryAt(map, first));
    },
  ],
  ['rights that there are not', changeEntry((entry) => entry | 0x20)],
  ['a frame of a page that is not mapped', changeEntry((entry) => entry & ~8)],
  [
    'fewer frames than it shows',
    (map) => {
      map.framesInUse = 1;
    },
  ],
  ['a free frame that a page shows', (map) => map.freeFrames.push(frameOfFirst(map))],
  ['a free frame that was never handed out', (map) => map.freeFrames.push(map.framesInUse)],
  ['a free frame below all', (map) => map.freeFrames.push(-1)],
  [
    'a page below an overlay whose frame another page shows',
    (map) => changeOverlay(map, { underlying: entryAt(map, touchedPages(map)[0]) }),
  ],
  [
    'a page below an overlay whose frame was never handed out',
    (map) => changeOverlay(map, { underlying: ((map.framesInUse + 1) << frameShift) | 0xf }),
  ],
  [
    'a page below an overlay with an entry that is too large',
    (map) => changeOverlay(map, { underlying: 2 ** 33 + 0xf }),
  ],
  ['an overlay without a page', (map) => changeOverlay(map, { gpaPage: 0x12345678 })],
  ['an overlay below all', (map) => changeOverlay(map, { gpaPage: -1 })],
  [
    'two overlays of a page',
    (map) => void map.overlays.push(...map.overlays.map((overlay) => ({ ...overlay }))),
  ],
  [
    'a part twice',
    (map) => void map.parts.push({ index: 0, entries: new Uint8Array(map.entries.byteLength) }),
  ],
  [
    'a part beyond all addresses',
    (map) =>
      void map.parts.push({ index: 2 ** 31, entries: new Uint8Array(map.entries.byteLength) }),
  ],
  ['a part that is cut', (map) => void map.parts.push({ index: 7, entries: new Uint8Array(4) })],
];

const frameOfFirst = (map: OpenMap): number =>
  (entryAt(map, touchedPages(map)[0]) >>> frameShift) - 1;

function changeOverlay(map: OpenMap, change: Partial<OpenMap['overlays'][number]>): void {
  const [overlay] = map.overlays;
  assert(overlay !== undefined, 'there is an overlay');
  Object.assign(overlay, change);
}
