/**
 * How the processor accesses a block of memory, element by element. RAM cannot tell, a device can. What is wider than a
 * quadword may take several accesses (SDM vol. 3, 9.1.1): here one for each quadword, from the lowest address up.
 */
export interface BlockShape {
  /** Widths in bytes from the lowest address on, over again until the block ends; the last is cut where it does. */
  readonly elements: readonly number[];
  /** The element at the highest address comes first, as one push follows another. */
  readonly isDescending: boolean;
  /** What checked alignment wants of each, where that is not its width (SDM vol. 3, table 6-7). */
  readonly alignments?: readonly number[];
}

export type WordBytes = 2 | 4 | 8;

function ascending(...elements: readonly number[]): BlockShape {
  return { elements, isDescending: false };
}

function descending(bytes: number): BlockShape {
  return { elements: [bytes], isDescending: true };
}

/** Descriptors, gates and whatever else has no fields of its own for the processor. */
export const quadwords = ascending(8);

/** Words of an operand size, as pops take them and as pushes put them. */
export const pops = { 2: ascending(2), 4: ascending(4), 8: quadwords } as const;
export const pushes = { 2: descending(2), 4: descending(4), 8: descending(8) } as const;

/** An offset, then a selector: far pointers, and stacks in a task-state segment. */
export const farPointers = { 2: ascending(2), 4: ascending(4, 2), 8: ascending(8, 2) } as const;

/** A limit, then a base: operands of LGDT and SGDT, whose base wants four bytes (SDM vol. 3, 3.5.1). */
export const tableRegisters = {
  6: ascending(2, 4),
  10: { ...ascending(2, 8), alignments: [2, 4] },
} as const;

const stackRegisters = Array.from({ length: 8 }, () => [8, 2]).flat();

/** Seven fields of the x87 environment, then eight registers: FNSAVE and FRSTOR, FNSTENV and FLDENV. */
export const x87States = { 2: x87State(2), 4: x87State(4) } as const;

function x87State(bytes: 2 | 4): BlockShape {
  const fields = new Array<number>(7).fill(bytes);
  const alignments = [...fields, ...stackRegisters.map(() => 1)];
  return { ...ascending(...fields, ...stackRegisters), alignments };
}

/** Calls `access` for each element of a block in its order, until one is false. @returns whether all were true */
export function everyElement(
  { elements, isDescending }: BlockShape,
  length: number,
  access: (from: number, bytes: number, index: number) => boolean,
): boolean {
  const starts: (readonly [number, number, number])[] = [];
  for (let from = 0, index = 0; from < length; index++) {
    const bytes = Math.min(elements[index % elements.length] ?? 1, length - from);
    starts.push([from, bytes, index % elements.length]);
    from += bytes;
  }
  if (isDescending) starts.reverse();
  return starts.every(([from, bytes, index]) => access(from, bytes, index));
}
