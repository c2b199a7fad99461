// Table: registers of the MC146818A real-time clock (Motorola MC146818A data sheet) and a PC's use of its memory.

/** Indexes. */
export const rtcRegister = {
  seconds: 0x00,
  secondsAlarm: 0x01,
  minutes: 0x02,
  minutesAlarm: 0x03,
  hours: 0x04,
  hoursAlarm: 0x05,
  dayOfWeek: 0x06,
  dayOfMonth: 0x07,
  month: 0x08,
  year: 0x09,
  A: 0x0a,
  B: 0x0b,
  C: 0x0c,
  D: 0x0d,
} as const;

/** Register A: update in progress, divider, rate. */
export const registerA = {
  UIP: 1 << 7,
  dividerShift: 4,
  dividerMask: 7,
  /** The divider runs, from a 32,768 Hz crystal. */
  dividerRuns: 0b010,
  rateMask: 0xf,
  writable: 0x7f,
} as const;

/** What firmware leaves in register A: 32,768 Hz, 1,024 interrupts a second. */
export const initialRegisterA = 0x26;

/** Register B. */
export const registerB = {
  SET: 1 << 7,
  PIE: 1 << 6,
  AIE: 1 << 5,
  UIE: 1 << 4,
  SQWE: 1 << 3,
  /** Binary instead of BCD. */
  DM: 1 << 2,
  /** 24 hours a day instead of twice twelve. */
  hours24: 1 << 1,
} as const;

/** What firmware leaves in register B. */
export const initialRegisterB = registerB.hours24;

/** Register C; its flags are in the places of their enable bits in B. */
export const registerC = { IRQF: 1 << 7, PF: 1 << 6, AF: 1 << 5, UF: 1 << 4 } as const;

/** Register D: valid RAM and time. */
export const registerD = { VRT: 1 << 7 } as const;

/** In 12-hour mode, the afternoon. */
export const afternoon = 0x80;

/** From this value on, an alarm byte matches everything. */
export const alarmDoesNotCare = 0xc0;

export const crystalHz = 32_768;

/** UIP is set this long before an update (data sheet, table 6: t_BUC). */
export const updateWarningNs = 244_000;

/** The index port: the NMI mask is bit 7. */
export const cmosIndexMask = 0x7f;
export const cmosBytes = 128;

/** Where a PC's firmware leaves what it found; the first of two or three bytes, lowest first. */
export const cmosMemory = {
  equipment: 0x14,
  baseMemoryKiB: 0x15,
  /** Above 1 MiB, twice; at most 64 MiB less 1 KiB. */
  extendedMemoryKiB: [0x17, 0x30],
  /** Above 16 MiB and below 4 GiB, in units of 64 KiB. */
  memoryAbove16MiB: 0x34,
  /** Above 4 GiB, in units of 64 KiB; three bytes. */
  memoryAbove4GiB: 0x5b,
  /** High byte first: the sum of bytes 10h to 2Dh. */
  checksum: 0x2e,
  checksumFirst: 0x10,
  checksumLast: 0x2d,
} as const;

/** Equipment byte: an FPU and a PS/2 mouse. */
export const equipment = 0x06;
