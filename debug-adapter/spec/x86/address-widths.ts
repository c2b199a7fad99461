/** Widths of addresses of the processor model, as CPUID leaf 0x80000008 reports them (SDM vol. 2, CPUID). */

export const physicalAddressBits = 40;

/** What 4-level and 5-level paging translate (SDM vol. 3, 4.5). */
export const linearAddressBits = { fourLevels: 48, fiveLevels: 57 } as const;

/** One of the two. */
export type LinearAddressBits = (typeof linearAddressBits)[keyof typeof linearAddressBits];
