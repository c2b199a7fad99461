// Trees of a saved state with one leaf that is not what was saved: of another type, an extreme, missing, or too much.
import assert from 'node:assert/strict';
import type { StateNode } from '../../debug-adapter/support/state-tree';
import type { SeededRandom } from './seeded-random';

/** Keys from the root to a node; the items of a list by their numbers. */
export type NodePath = readonly string[];

const isList = (node: StateNode): node is readonly StateNode[] => Array.isArray(node);

const isRecord = (node: StateNode): node is Readonly<Record<string, StateNode>> =>
  typeof node === 'object' && !isList(node) && !(node instanceof Uint8Array);

/** Items of a list that are looked at: its beginning, and some of the rest by chance. */
const itemsOfList = 4;

/** The paths of all leaves and of all lists; of long lists, those of some items. */
export function pathsOf(node: StateNode, random: SeededRandom, path: NodePath = []): NodePath[] {
  if (isList(node)) {
    const chosen = new Set<number>();
    for (let index = 0; index < Math.min(node.length, itemsOfList); index++) {
      chosen.add(index < 2 ? index : random.below(node.length));
    }
    const items = [...chosen].flatMap((index) =>
      pathsOf(node[index] ?? 0, random, [...path, String(index)]),
    );
    return [path, ...items];
  }
  if (!isRecord(node)) return [path];
  return Object.entries(node).flatMap(([key, child]) => pathsOf(child, random, [...path, key]));
}

/** The tree with what `change` makes of the node at `path`; undefined takes it away. */
export function changed(
  node: StateNode,
  [key, ...rest]: NodePath,
  change: (node: StateNode) => StateNode | undefined,
): StateNode {
  assert(key !== undefined && (isList(node) || isRecord(node)));
  const child = isList(node) ? node[Number(key)] : node[key];
  assert(child !== undefined, key);
  const next = rest.length === 0 ? change(child) : changed(child, rest, change);
  if (isList(node)) {
    const index = Number(key);
    return next === undefined ? node.toSpliced(index, 1) : node.with(index, next);
  }
  const others = Object.entries(node).filter(([name]) => name !== key);
  const kept = next === undefined ? [] : ([[key, next]] as const);
  return Object.fromEntries([...others, ...kept]);
}

const largest = Number.MAX_SAFE_INTEGER;
const numbers = [
  0,
  1,
  -1,
  2,
  7,
  255,
  256,
  0x7fffffff,
  2 ** 31,
  2 ** 32,
  2 ** 52,
  largest,
  -largest,
];
const bigints = [0n, 1n, -1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 200n, -(2n ** 70n)];
const others: readonly StateNode[] = ['', 'x', 3, 5n, new Uint8Array(3), [], [1], ['x'], {}];

/** What may stand in the place of a node. */
export function hostileNodes(
  node: StateNode,
  random: SeededRandom,
): readonly (StateNode | undefined)[] {
  const kept: readonly (StateNode | undefined)[] = [undefined, ...others];
  if (typeof node === 'number') return [...numbers, node + 1, node - 1, -node, ...kept];
  if (typeof node === 'bigint') return [...bigints, node + 1n, node ^ (1n << 63n), ...kept];
  if (typeof node === 'string') return [`${node}x`, node.slice(1), '\u0000', ...kept];
  if (node instanceof Uint8Array) {
    const noise = node.map(() => random.below(256));
    const one = node.slice();
    if (one.length > 0) one[random.below(one.length)] = random.below(256);
    const ones = node.map(() => 255);
    return [node.slice(1), node.map(() => 0), ones, noise, one, ...kept];
  }
  if (!isList(node)) return kept;
  const first = node[0] ?? 0;
  const many = Array.from({ length: 300 }, () => first);
  return [[...node, first], node.slice(1), node.toReversed(), [...node, ...node], many, ...kept];
}

/** The node at the end of a path. */
export function nodeAt(node: StateNode, path: NodePath): StateNode {
  return path.reduce((inner, key) => {
    assert(isList(inner) || isRecord(inner));
    const child = isList(inner) ? inner[Number(key)] : inner[key];
    assert(child !== undefined, key);
    return child;
  }, node);
}
