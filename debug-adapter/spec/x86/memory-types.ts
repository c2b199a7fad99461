// Table: memory types and the registers that give them to ranges of physical memory, Intel SDM volume 3, 12.11 and 12.12.

/** Encodings of memory types (SDM vol. 3, table 12-10). */
export const MemoryType = { UC: 0, WC: 1, WT: 4, WP: 5, WB: 6, 'UC-': 7 } as const;

/** Pairs of variable-range registers that this processor has, as IA32_MTRRCAP says. */
export const variableRangeCount = 8;

/** First register of the pair of range 0; base and mask alternate (SDM vol. 3, 12.11.2.3). */
export const variableRangeMsr = 0x200;

/** Fixed-range registers, each of eight ranges of a size (SDM vol. 3, table 12-9). */
export const fixedRangeMsrs: readonly {
  readonly number: number;
  readonly name: string;
  readonly first: number;
  readonly rangeBytes: number;
}[] = [
  { number: 0x250, name: 'FIX64K_00000', first: 0, rangeBytes: 0x10000 },
  { number: 0x258, name: 'FIX16K_80000', first: 0x80000, rangeBytes: 0x4000 },
  { number: 0x259, name: 'FIX16K_A0000', first: 0xa0000, rangeBytes: 0x4000 },
  { number: 0x268, name: 'FIX4K_C0000', first: 0xc0000, rangeBytes: 0x1000 },
  { number: 0x269, name: 'FIX4K_C8000', first: 0xc8000, rangeBytes: 0x1000 },
  { number: 0x26a, name: 'FIX4K_D0000', first: 0xd0000, rangeBytes: 0x1000 },
  { number: 0x26b, name: 'FIX4K_D8000', first: 0xd8000, rangeBytes: 0x1000 },
  { number: 0x26c, name: 'FIX4K_E0000', first: 0xe0000, rangeBytes: 0x1000 },
  { number: 0x26d, name: 'FIX4K_E8000', first: 0xe8000, rangeBytes: 0x1000 },
  { number: 0x26e, name: 'FIX4K_F0000', first: 0xf0000, rangeBytes: 0x1000 },
  { number: 0x26f, name: 'FIX4K_F8000', first: 0xf8000, rangeBytes: 0x1000 },
];

/** IA32_MTRRCAP (SDM vol. 3, 12.11.1): variable ranges, fixed ranges, write combining. */
export const MtrrCapability = { FIX: 0x100, WC: 0x400 } as const;

/** IA32_MTRR_DEF_TYPE (SDM vol. 3, 12.11.2.1): fixed ranges on, all ranges on. */
export const MtrrDefaultType = { FE: 0x400, E: 0x800 } as const;

/** V of IA32_MTRR_PHYSMASKn (SDM vol. 3, 12.11.2.3). */
export const variableRangeValid = 0x800;
