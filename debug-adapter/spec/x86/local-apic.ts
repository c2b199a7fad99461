/** Registers of the local APIC (SDM vol. 3, tables 11-1 and 11-6). In x2APIC mode, register `r` is MSR 0x800 + r / 16. */

/** Offsets in the register page. The vector registers are the first of eight, 16 bytes apart. */
export const ApicRegister = {
  ID: 0x020,
  VERSION: 0x030,
  TPR: 0x080,
  APR: 0x090,
  PPR: 0x0a0,
  EOI: 0x0b0,
  RRD: 0x0c0,
  LDR: 0x0d0,
  DFR: 0x0e0,
  SVR: 0x0f0,
  ISR: 0x100,
  TMR: 0x180,
  IRR: 0x200,
  ESR: 0x280,
  LVT_CMCI: 0x2f0,
  ICR_LOW: 0x300,
  ICR_HIGH: 0x310,
  LVT_TIMER: 0x320,
  LVT_THERMAL: 0x330,
  LVT_PERFORMANCE: 0x340,
  LVT_LINT0: 0x350,
  LVT_LINT1: 0x360,
  LVT_ERROR: 0x370,
  TIMER_INITIAL_COUNT: 0x380,
  TIMER_CURRENT_COUNT: 0x390,
  TIMER_DIVIDE: 0x3e0,
  SELF_IPI: 0x3f0,
} as const;

export const x2ApicMsrBase = 0x800;
export const x2ApicMsrCount = 0x40;

/** Register that an x2APIC MSR names. */
export function registerOfMsr(number: number): number {
  return (number - x2ApicMsrBase) << 4;
}

/** Bytes of the register page that are registers. */
export const apicPageBytes = 0x1000;

/** Version 0x14 (an integrated APIC), highest LVT entry 6 (SDM vol. 3, 11.4.8). */
export const apicVersion = 0x00060014;

/** IA32_APIC_BASE (SDM vol. 3, 11.4.4 and 11.12.1). */
export const apicBase = {
  bootProcessor: 0x100n,
  x2Apic: 0x400n,
  enabled: 0x800n,
  defaultAddress: 0xfee00000n,
} as const;

/** Spurious-interrupt vector register (SDM vol. 3, figure 11-23). */
export const spuriousVector = { reset: 0xff, enabled: 0x100, writable: 0x3ff } as const;

/** Bits of an LVT entry (SDM vol. 3, figure 11-8). */
export const lvt = {
  reset: 0x10000,
  vector: 0xff,
  modeShift: 8,
  mode: 0x700,
  pending: 0x1000,
  remoteIrr: 0x4000,
  level: 0x8000,
  masked: 0x10000,
  timerModeShift: 17,
  timerMode: 0x60000,
} as const;

/** LVT entries with the bits that each has. */
export const lvtBits: ReadonlyMap<number, number> = new Map([
  [ApicRegister.LVT_CMCI, 0x117ff],
  [ApicRegister.LVT_TIMER, 0x710ff],
  [ApicRegister.LVT_THERMAL, 0x117ff],
  [ApicRegister.LVT_PERFORMANCE, 0x117ff],
  [ApicRegister.LVT_LINT0, 0x1f7ff],
  [ApicRegister.LVT_LINT1, 0x1f7ff],
  [ApicRegister.LVT_ERROR, 0x110ff],
]);

/** Values of the timer mode in the timer's LVT entry (SDM vol. 3, table 11-2). */
export const timerMode = { oneShot: 0, periodic: 1, tscDeadline: 2 } as const;

/** Bits of the interrupt command register (SDM vol. 3, figures 11-12 and 11-28). */
export const command = {
  modeShift: 8,
  logical: 0x800,
  pending: 0x1000,
  asserted: 0x4000,
  level: 0x8000,
  shorthandShift: 18,
  writable: 0xccfff,
} as const;

/** Destination shorthands (SDM vol. 3, 11.6.1). */
export const shorthand = { none: 0, self: 1, all: 2, others: 3 } as const;

/** Error status register (SDM vol. 3, figure 11-9). */
export const apicError = {
  sendIllegalVector: 0x20,
  receivedIllegalVector: 0x40,
  illegalRegister: 0x80,
} as const;

/** Vectors below are illegal for fixed interrupts (SDM vol. 3, 11.5.2). */
export const lowestVector = 16;

/** Divide configuration register: bits 3, 1 and 0 (SDM vol. 3, figure 11-10). */
export const divideBits = 0b1011;

/** What the timer's clock is divided by. */
export function divisorOf(configuration: number): number {
  const code = (configuration & 3) | ((configuration & 8) >> 1);
  return code === 7 ? 1 : 2 << code;
}

/** Destination formats of xAPIC mode: bits 31:28 of DFR (SDM vol. 3, 11.6.2.2). */
export const destinationFormat = { reset: 0xffffffff, flat: 0xf, cluster: 0 } as const;
