/**
 * Turns a region's graph into nested loops and forward jumps, which is all that WebAssembly has: strongly connected
 * components become loops, everything else is in topological order. A loop with several entries begins with a switch;
 * it goes round at its heads only, so that a loop inside it which the region may be entered at is still one of its own.
 */
import { present } from '../../support/assert';
import type { Block } from './region';

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

/** Successors of a block within its region. */
export type Successors = (block: Block) => readonly Block[];

/** Structures `blocks`, which may be entered from outside at `entries`. */
export function structure(
  blocks: readonly Block[],
  entries: readonly Block[],
  successors: Successors,
): Item[] {
  const inside = new Set(blocks);
  const edges = (block: Block): Block[] => successors(block).filter((next) => inside.has(next));
  return components(blocks, edges).map((component) => itemOf(component, entries, blocks, edges));
}

function itemOf(
  component: readonly Block[],
  outerEntries: readonly Block[],
  blocks: readonly Block[],
  edges: Successors,
): Item {
  const [first] = component;
  const block = present(first, 'block of a component');
  if (component.length === 1 && !edges(block).includes(block)) return { kind: 'block', block };
  const members = new Set(component);
  const reached = new Set<Block>();
  for (const from of blocks) {
    if (members.has(from)) continue;
    for (const to of edges(from)) if (members.has(to)) reached.add(to);
  }
  const entered = new Set([...outerEntries.filter((entry) => members.has(entry)), ...reached]);
  const entries = [...entered].sort((a, b) => a.id - b.id);
  const heads = reached.size > 0 ? reached : new Set([headOf(component, entries, edges)]);
  // Jumps to a head restart the loop, so inside it those edges are gone; loops around other entries stay whole.
  const inner: Successors = (from) => edges(from).filter((to) => !heads.has(to));
  return { kind: 'loop', entries, heads: [...heads], items: structure(component, entries, inner) };
}

/** Entries that are tried as the head of a loop. */
const triedHeadsMax = 16;

/**
 * Where a loop goes round best that only the region's own entries lead into: any block breaks some of its cycles, and
 * what remains becomes loops inside it. They should be small, but the innermost ones should remain.
 */
function headOf(component: readonly Block[], entries: readonly Block[], edges: Successors): Block {
  const [first, ...others] = entries;
  let best = present(first, 'entry of a loop');
  if (others.length === 0) return best;
  let fewest = component.length / 2 + 1;
  let breaksAll: Block | undefined;
  for (const head of entries.slice(0, triedHeadsMax)) {
    const inner = blocksInCycles(component, (from) => edges(from).filter((to) => to !== head));
    if (inner === 0) breaksAll ??= head;
    else if (inner < fewest) [best, fewest] = [head, inner];
  }
  return fewest > component.length / 2 ? (breaksAll ?? best) : best;
}

function blocksInCycles(blocks: readonly Block[], edges: Successors): number {
  const members = new Set(blocks);
  const inside: Successors = (from) => edges(from).filter((to) => members.has(to));
  return components(blocks, (from) => [...inside(from)])
    .filter(([block, ...others]) => {
      return others.length > 0 || (block !== undefined && inside(block).includes(block));
    })
    .reduce((sum, { length }) => sum + length, 0);
}

/** A block whose successors are being visited. */
interface Visit {
  readonly block: Block;
  readonly edges: readonly Block[];
  next: number;
}

/** Strongly connected components in topological order (Tarjan's algorithm, without recursion). */
function components(blocks: readonly Block[], edgesOf: Successors): Block[][] {
  // By id of the block; undefined where it has not been visited.
  const index: number[] = [];
  const low: number[] = [];
  const onStack: boolean[] = [];
  const stack: Block[] = [];
  const work: Visit[] = [];
  const result: Block[][] = [];
  let visited = 0;
  const begin = (block: Block): void => {
    index[block.id] = low[block.id] = ++visited;
    stack.push(block);
    onStack[block.id] = true;
    work.push({ block, edges: edgesOf(block), next: 0 });
  };
  const lower = ({ id }: Block, to: number | undefined): void => {
    low[id] = Math.min(present(low[id], 'low'), present(to, 'index'));
  };
  for (const root of blocks) {
    if (index[root.id] !== undefined) continue;
    begin(root);
    for (let visit = work[0]; visit !== undefined; visit = work[work.length - 1]) {
      const { block } = visit;
      const to = visit.edges[visit.next++];
      if (to !== undefined) {
        if (index[to.id] === undefined) begin(to);
        else if (onStack[to.id] === true) lower(block, index[to.id]);
        continue;
      }
      work.pop();
      const parent = work[work.length - 1];
      if (parent !== undefined) lower(parent.block, low[block.id]);
      if (low[block.id] === index[block.id]) result.push(popComponent(stack, onStack, block));
    }
  }
  return result.reverse();
}

function popComponent(stack: Block[], onStack: boolean[], root: Block): Block[] {
  const component: Block[] = [];
  for (;;) {
    const block = present(stack.pop(), 'stack of components');
    onStack[block.id] = false;
    component.push(block);
    if (block === root) return component;
  }
}
