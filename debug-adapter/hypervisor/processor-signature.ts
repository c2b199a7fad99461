/** Which processor the virtual processors are, as CPUID and a reset say it. */

/** Family 6, model 15, stepping 0: the oldest Intel model with 64-bit mode (SDM vol. 2, CPUID, figure 3-6). */
export const processorSignature = 0x000006f0;
