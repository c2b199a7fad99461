// Table: control words of the 8254 interval timer, Intel 8254 data sheet (231164), and port 61h of the PC.

/** Input frequency: a third of 3.579545 MHz, rounded. */
export const intervalTimerHz = 1_193_182;

export const counters = 3;

/** Offset of the control word; the counters come before it. */
export const controlWordOffset = 3;

/** Control word: bits 7:6 counter, 5:4 access, 3:1 mode, 0 BCD. */
export const controlWord = {
  counterShift: 6,
  accessShift: 4,
  modeShift: 1,
  BCD: 1 << 0,
  /** In the counter's place: a read-back command. */
  readBack: 3,
} as const;

/** Access field (RW1, RW0). */
export const counterAccess = { latch: 0, lowByte: 1, highByte: 2, bothBytes: 3 } as const;

/** Read-back command: 0 in either bit latches it; bits 3:1 choose counters. */
export const readBack = { notCount: 1 << 5, notStatus: 1 << 4, countersShift: 1 } as const;

/** Status byte beside access, mode and BCD. */
export const counterStatus = { output: 1 << 7, nullCount: 1 << 6 } as const;

/** NMI status and control register, port 61h (82371AB 4.5.1). */
export const systemControl = {
  timer2Gate: 1 << 0,
  speakerData: 1 << 1,
  /** Writable, without effect: parity and channel checks. */
  checkDisables: 0b1100,
  refreshToggle: 1 << 4,
  timer2Output: 1 << 5,
} as const;

/** A refresh request every 15.085 µs turns the toggle over. */
export const refreshPeriodNs = 15_085;
