/** Where SSE and MMX state lies in a processor's state, and what each bit of its controls means. */
import { stateOffsets } from '../machine/processor-state';

/** Offsets from `vpBase` (SDM vol. 1, table 10-2). A register has 16 bytes; MMi is x87 register Ri. */
export const mmxOffset = stateOffsets.fxsave + 32;
export const xmmOffset = stateOffsets.fxsave + 160;
export const mxcsrOffset = stateOffsets.fxsave + 24;

/** MXCSR after power-up and INIT (SDM vol. 3, table 9-1). */
export const mxcsrReset = 0x1f80;
/** Bits of MXCSR that exist. */
export const mxcsrMask = 0xffff;
