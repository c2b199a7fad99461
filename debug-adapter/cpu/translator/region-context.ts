/** What the blocks of a region have in common while they are emitted. */

/** Locals that the whole region shares. */
export interface RegionLocals {
  readonly vpBase: number;
  readonly budget: number;
  readonly ipBase: number;
  readonly exitIp: number;
  /** The way out, where control goes to the label `leave` (`way-out.ts`). */
  readonly leaving: number;
  readonly flagResult: number;
  readonly flagCarries: number;
  /** Second operand of flags that are due (`due-flags.ts`). */
  readonly dueB: number;
  readonly readTlb: number;
  readonly writeTlb: number;
  /** By number, those that the region uses. */
  readonly registers: readonly (number | undefined)[];
}

/** How a block's end reaches other code; `RegionFunction` knows the structure. */
export interface Transfers {
  /** Goes to a page offset; the flags are deferred until it knows whether the target needs them. */
  toOffset(offset: number): void;
  /** Goes to the instruction pointer in `exitIp`. */
  toDynamic(): void;
}

/** Sizes and assumptions that hold for the whole region. */
export interface RegionTraits {
  readonly tlbEntries: number;
  /** Every register is taken to have a zero upper half, as in code that has no more than 32 bits. */
  readonly isNarrow: boolean;
}
