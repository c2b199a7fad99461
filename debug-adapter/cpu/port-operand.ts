/** What IN and OUT hand to their routine as its operand: the port, and where it came from. */

/** Set where the port is an immediate rather than DX. */
export const immediatePort = 0x10000;
