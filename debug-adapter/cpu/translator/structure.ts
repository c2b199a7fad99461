/**
 * Turns a region's graph into nested loops and forward jumps, which is all that WebAssembly has: strongly connected
 * components become loops, everything else is in topological order. A loop with several entries begins with a switch;
 * it goes round at its heads only, so that a loop inside it which the region may be entered at is still one of its own.
 */
import { present } from '../../support/assert';
import type { Block, Region } from './region';

/** An element of a list in topological order: jumps inside a list only go forward. */
export type Item =
  | { readonly kind: 'block'; readonly block: Block }
  | {
      readonly kind: 'loop';
      /** Where control may come in, or goes round. */
      readonly entries: readonly Block[];
      /** Those of the entries at which it goes round. */
      readonly heads: readonly Block[];
      readonly items: readonly Item[];
    };

/** Structures the blocks of a region. */
export function structure({ blocks, entries, successors }: Region): readonly Item[] {
  const nodes = blocks.map((block) => new Node(block));
  const nodeOf = ({ id }: Block): Node => present(nodes[id], 'node of a block');
  for (const node of nodes) {
    for (const next of successors[node.block.id] ?? []) node.successors.push(nodeOf(next));
  }
  return new Structuring().items(nodes, entries.map(nodeOf), 0);
}

/** A block of the graph, and what is known of it while it is structured. */
class Node {
  readonly successors: Node[] = [];
  /** Number of the innermost list that it is in. */
  list = 0;
  /** Whether it is the head of a loop around that list: jumps to it restart the loop, and are no edges inside. */
  isHead = false;
  /** Of a search for components: the order in which it was met, 0 before that, and the first one that it leads to. */
  order = 0;
  low = 0;
  isOnStack = false;
  /** The successor to visit next. */
  next = 0;

  constructor(readonly block: Block) {}

  /** Whether jumps to it are edges within a list. */
  isReachedIn(list: number): boolean {
    return this.list === list && !this.isHead;
  }

  isCycle(list: number): boolean {
    return this.isReachedIn(list) && this.successors.includes(this);
  }
}

/** Entries that are tried as the head of a loop. */
const triedHeadsMax = 16;

class Structuring {
  private lists = 0;

  /** The items of a list, which may be entered from outside at `entries`. */
  items(nodes: readonly Node[], entries: readonly Node[], list: number): readonly Item[] {
    const found = components(nodes, list);
    return found.map((component) => this.itemOf(component, entries, nodes));
  }

  private itemOf(
    component: readonly Node[],
    outerEntries: readonly Node[],
    nodes: readonly Node[],
  ): Item {
    const first = present(component[0], 'block of a component');
    if (component.length === 1 && !first.isCycle(first.list)) {
      return { kind: 'block', block: first.block };
    }
    const list = ++this.lists;
    for (const node of component) node.list = list;
    const reached = reachedFrom(nodes, list);
    const entries = [...reached];
    for (const entry of outerEntries) {
      if (entry.list === list && !reached.includes(entry)) entries.push(entry);
    }
    entries.sort((a, b) => a.block.id - b.block.id);
    const heads = reached.length > 0 ? reached : [headOf(component, entries, list)];
    for (const head of heads) head.isHead = true;
    const items = this.items(component, entries, list);
    return { kind: 'loop', entries: entries.map(blockOf), heads: heads.map(blockOf), items };
  }
}

function blockOf({ block }: Node): Block {
  return block;
}

/** Those of a list that others lead to. */
function reachedFrom(nodes: readonly Node[], list: number): readonly Node[] {
  const reached: Node[] = [];
  for (const from of nodes) {
    if (from.list === list) continue;
    for (const to of from.successors) {
      if (to.isReachedIn(list) && !reached.includes(to)) reached.push(to);
    }
  }
  return reached;
}

/**
 * Where a loop goes round best that only the region's own entries lead into: any block breaks some of its cycles, and
 * what remains becomes loops inside it. They should be small, but the innermost ones should remain.
 */
function headOf(component: readonly Node[], entries: readonly Node[], list: number): Node {
  const [first, ...others] = entries;
  let best = present(first, 'entry of a loop');
  if (others.length === 0) return best;
  let fewest = component.length / 2 + 1;
  let breaksAll: Node | undefined;
  for (const head of entries.slice(0, triedHeadsMax)) {
    const inner = blocksInCyclesWithout(head, component, list);
    if (inner === 0) breaksAll ??= head;
    else if (inner < fewest) [best, fewest] = [head, inner];
  }
  return fewest > component.length / 2 ? (breaksAll ?? best) : best;
}

function blocksInCyclesWithout(head: Node, nodes: readonly Node[], list: number): number {
  head.isHead = true;
  let count = 0;
  for (const component of components(nodes, list)) {
    const isCycle = component.length > 1 || component[0]?.isCycle(list) === true;
    if (isCycle) count += component.length;
  }
  head.isHead = false;
  return count;
}

/** Strongly connected components of a list in topological order (Tarjan's algorithm, without recursion). */
function components(nodes: readonly Node[], list: number): Node[][] {
  const stack: Node[] = [];
  /** From a root to the node whose successors are being visited. */
  const path: Node[] = [];
  const result: Node[][] = [];
  let visited = 0;
  for (const node of nodes) node.order = 0;
  for (const root of nodes) {
    if (root.order !== 0) continue;
    begin(root, ++visited, stack, path);
    for (let node = path[0]; node !== undefined; node = path[path.length - 1]) {
      const to = node.successors[node.next++];
      if (to !== undefined) {
        if (!to.isReachedIn(list)) continue;
        if (to.order === 0) begin(to, ++visited, stack, path);
        else if (to.isOnStack) node.low = Math.min(node.low, to.order);
        continue;
      }
      path.pop();
      const parent = path[path.length - 1];
      if (parent !== undefined) parent.low = Math.min(parent.low, node.low);
      if (node.low === node.order) result.push(popComponent(stack, node));
    }
  }
  return result.reverse();
}

function begin(node: Node, order: number, stack: Node[], path: Node[]): void {
  node.order = node.low = order;
  node.next = 0;
  node.isOnStack = true;
  stack.push(node);
  path.push(node);
}

function popComponent(stack: Node[], root: Node): Node[] {
  const component: Node[] = [];
  for (;;) {
    const node = present(stack.pop(), 'stack of components');
    node.isOnStack = false;
    component.push(node);
    if (node === root) return component;
  }
}
