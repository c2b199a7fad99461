/** State trees that differ from a given one in a single leaf. */
import type { StateNode } from '../../debug-adapter/support/state-tree';
import type { SeededRandom } from './seeded-random';

/** Every tree that differs from `node` in one leaf, with the path of the leaf. */
export function* changedTrees(
  node: StateNode,
  random: SeededRandom,
  path = '',
): Generator<readonly [path: string, tree: StateNode]> {
  if (typeof node === 'number') yield [path, node <= 0 ? node + 1 : node - 1];
  else if (typeof node === 'bigint') yield [path, node ^ 1n];
  else if (typeof node === 'string') yield [path, `${node}x`];
  else if (node instanceof Uint8Array) {
    if (node.length === 0) return;
    const at = random.below(node.length);
    const changed = node.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    yield [`${path}[byte ${at}]`, changed];
  } else if (isList(node)) {
    for (const [index, item] of node.entries()) {
      for (const [where, tree] of changedTrees(item, random, `${path}[${index}]`)) {
        yield [where, node.with(index, tree)];
      }
    }
  } else {
    for (const [key, value] of Object.entries(node)) {
      for (const [where, tree] of changedTrees(value, random, `${path}.${key}`)) {
        yield [where, { ...node, [key]: tree }];
      }
    }
  }
}

function isList(node: StateNode): node is readonly StateNode[] {
  return Array.isArray(node);
}
