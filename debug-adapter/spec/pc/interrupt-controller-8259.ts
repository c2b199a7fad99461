// Table: command words of the 8259A interrupt controller, Intel 8259A data sheet (231468), figures 7 and 8.

/** ICW1, written to the command port. */
export const icw1 = { IC4: 1 << 0, SNGL: 1 << 1, LTIM: 1 << 3, isIcw1: 1 << 4 } as const;

/** ICW2: bits 7:3 of the vectors. */
export const icw2VectorMask = 0xf8;

/** ICW4, 8086 mode. */
export const icw4 = { uPM: 1 << 0, AEOI: 1 << 1, SFNM: 1 << 4 } as const;

/** OCW2, bits 7:5; the level is in bits 2:0. */
export const ocw2 = {
  rotateInAutomaticEoiClear: 0b000,
  nonspecificEoi: 0b001,
  noOperation: 0b010,
  specificEoi: 0b011,
  rotateInAutomaticEoiSet: 0b100,
  rotateOnNonspecificEoi: 0b101,
  setPriority: 0b110,
  rotateOnSpecificEoi: 0b111,
} as const;

/** OCW3, written to the command port with bits 4:3 = 01. */
export const ocw3 = {
  isOcw3: 1 << 3,
  RIS: 1 << 0,
  RR: 1 << 1,
  P: 1 << 2,
  SMM: 1 << 5,
  ESMM: 1 << 6,
} as const;

/** Bit 7 of what a poll reads: some input asks for service. */
export const pollInterrupt = 0x80;

/** The input whose vector is given when a request has gone by the time it is acknowledged. */
export const spuriousInput = 7;

/** Inputs of master and slave that cannot be level-triggered (82371AB 4.2.5): 0, 1, 2, and 8, 13. */
export const edgeOnlyInputs = { master: 0b0000_0111, slave: 0b0010_0001 } as const;
