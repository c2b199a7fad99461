/** How stack and memory addresses are formed: what a definition must know of the code segment it runs in. */

export interface Addressing {
  /** Width of the stack pointer: 64 in 64-bit mode, else by SS.B. */
  readonly stackSize: 16 | 32 | 64;
  /** Segments have bases, limits and types that each access must obey; else all are flat. */
  readonly isChecked: boolean;
}

/** Every addressing that variants are made for; a decoded instruction names one by its index. */
export const addressings = [
  { stackSize: 64, isChecked: false },
  { stackSize: 32, isChecked: false },
  { stackSize: 32, isChecked: true },
  { stackSize: 16, isChecked: true },
] as const satisfies readonly Addressing[];

/** Indices into `addressings`. */
export const addressingIndex = { long: 0, flat: 1, checked32: 2, checked16: 3 } as const;

export type AddressingIndex = (typeof addressingIndex)[keyof typeof addressingIndex];
