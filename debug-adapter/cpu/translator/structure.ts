/**
 * Turns a region's graph into nested loops and forward jumps, which is all that WebAssembly has: strongly connected
 * components become loops, everything else is in topological order. A loop with several entries begins with a switch.
 */
import { present } from '../../support/assert';
import type { Block } from './region';

/** An element of a list in topological order: jumps inside a list only go forward. */
export type Item =
  | { readonly kind: 'block'; readonly block: Block }
  | { readonly kind: 'loop'; readonly entries: readonly Block[]; readonly items: readonly Item[] };

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
  const entered = new Set(outerEntries.filter((entry) => members.has(entry)));
  for (const from of blocks) {
    if (members.has(from)) continue;
    for (const to of edges(from)) if (members.has(to)) entered.add(to);
  }
  const entries = [...entered].sort((a, b) => a.id - b.id);
  // Jumps to an entry restart the loop, so inside it those edges are gone.
  const inner: Successors = (from) => edges(from).filter((to) => !entered.has(to));
  return { kind: 'loop', entries, items: structure(component, entries, inner) };
}

/** Strongly connected components in topological order (Tarjan's algorithm, without recursion). */
function components(blocks: readonly Block[], edges: Successors): Block[][] {
  const index = new Map<Block, number>();
  const low = new Map<Block, number>();
  const stack: Block[] = [];
  const onStack = new Set<Block>();
  const result: Block[][] = [];
  for (const root of blocks) {
    if (index.has(root)) continue;
    const work = [{ block: root, next: 0 }];
    while (work.length > 0) {
      const frame = present(work[work.length - 1], 'frame');
      const { block } = frame;
      if (frame.next === 0) {
        index.set(block, index.size);
        low.set(block, present(index.get(block), 'index'));
        stack.push(block);
        onStack.add(block);
      }
      const to = edges(block)[frame.next++];
      if (to !== undefined) {
        if (!index.has(to)) work.push({ block: to, next: 0 });
        else if (onStack.has(to)) lower(low, block, present(index.get(to), 'index'));
        continue;
      }
      work.pop();
      const parent = work[work.length - 1];
      const lowest = present(low.get(block), 'low');
      if (parent !== undefined) lower(low, parent.block, lowest);
      if (lowest === index.get(block)) result.unshift(popComponent(stack, onStack, block));
    }
  }
  return result;
}

function lower(low: Map<Block, number>, block: Block, value: number): void {
  low.set(block, Math.min(present(low.get(block), 'low'), value));
}

function popComponent(stack: Block[], onStack: Set<Block>, root: Block): Block[] {
  const component: Block[] = [];
  for (;;) {
    const block = present(stack.pop(), 'stack of components');
    onStack.delete(block);
    component.push(block);
    if (block === root) return component;
  }
}
