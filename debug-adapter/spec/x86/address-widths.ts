/** Widths of addresses of the processor model, as CPUID leaf 0x80000008 reports them (SDM vol. 2, CPUID). */

export const physicalAddressBits = 40;
export const linearAddressBits = 48;
