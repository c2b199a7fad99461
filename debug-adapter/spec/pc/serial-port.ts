// Table: registers of the 16550A UART, National Semiconductor PC16550D data sheet (TL/C/8652).

/** Offsets of the registers; the first two belong to the divisor latch while LCR.DLAB is set. */
export const uartRegister = {
  RBR_THR_DLL: 0,
  IER_DLM: 1,
  IIR_FCR: 2,
  LCR: 3,
  MCR: 4,
  LSR: 5,
  MSR: 6,
  SCR: 7,
} as const;

/** Interrupt enable register. */
export const ier = { ERBFI: 1, ETBEI: 2, ELSI: 4, EDSSI: 8, writable: 0x0f } as const;

/** Interrupt identification register, highest priority first. */
export const iir = {
  lineStatus: 0b0110,
  dataAvailable: 0b0100,
  characterTimeout: 0b1100,
  transmitterEmpty: 0b0010,
  modemStatus: 0b0000,
  none: 0b0001,
  fifosEnabled: 0xc0,
} as const;

/** FIFO control register. */
export const fcr = { enable: 1, clearReceiver: 2, clearTransmitter: 4, triggerShift: 6 } as const;

/** Bytes in the receiver FIFO at which it asks for service, by FCR bits 7:6. */
export const receiverTriggers = [1, 4, 8, 14] as const;

export const fifoBytes = 16;

/** Line control register. */
export const lcr = {
  wordLengthMask: 3,
  stopBits: 1 << 2,
  parityEnable: 1 << 3,
  divisorLatchAccess: 1 << 7,
} as const;

/** Modem control register. */
export const mcr = { DTR: 1, RTS: 2, OUT1: 4, OUT2: 8, loop: 16, writable: 0x1f } as const;

/** Line status register. */
export const lsr = { DR: 1, OE: 2, PE: 4, FE: 8, BI: 16, THRE: 32, TEMT: 64 } as const;

/** Modem status register; the low half says what has changed since the last read. */
export const msr = {
  DCTS: 1,
  DDSR: 2,
  TERI: 4,
  DDCD: 8,
  CTS: 16,
  DSR: 32,
  RI: 64,
  DCD: 128,
} as const;

/** Input frequency divided by 16: the rate at divisor 1. */
export const uartBaseRate = 115_200;
