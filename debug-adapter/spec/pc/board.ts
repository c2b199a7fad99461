// Table: where the chips of a PC with Intel's 440BX and PIIX4 sit, as a generation-1 virtual machine has them.

/** First I/O port of each range. */
export const port = {
  /** 8259A pair: command, data. */
  masterInterruptController: 0x20,
  slaveInterruptController: 0xa0,
  /** Edge/level control registers of the pair (82371AB 4.2.5). */
  edgeLevelControl: 0x4d0,
  /** 8254: three counters and the control word. */
  intervalTimer: 0x40,
  keyboardData: 0x60,
  systemControlB: 0x61,
  keyboardCommand: 0x64,
  /** MC146818: index, data. */
  realTimeClock: 0x70,
  systemControlA: 0x92,
  com1: 0x3f8,
  com2: 0x2f8,
  powerManagement: 0x400,
  /** CONFIG_ADDRESS; the reset control register is its second byte when a byte is accessed. */
  pciConfigurationAddress: 0xcf8,
  /** Where configuration mechanism #2 maps the devices of a bus. */
  pciMechanism2Window: 0xc000,
  /** Bochs' debug console. */
  debugConsole: 0xe9,
  /** QEMU's isa-debug-exit, as test kernels use it. */
  debugExit: 0xf4,
} as const;

/** Ports of each range. */
export const portCount = {
  interruptController: 2,
  edgeLevelControl: 2,
  intervalTimer: 4,
  realTimeClock: 2,
  serial: 8,
  powerManagement: 0x40,
  pciConfiguration: 8,
  pciMechanism2Window: 0x1000,
  debugExit: 4,
} as const;

/** ISA interrupt requests. */
export const irq = {
  intervalTimer: 0,
  keyboard: 1,
  /** Input of the master to which the slave is wired. */
  cascade: 2,
  com2: 3,
  com1: 4,
  realTimeClock: 8,
  systemControlInterrupt: 9,
  mouse: 12,
} as const;

/** Input of the I/O APIC to which IRQ 0 is wired; the others have their own number. */
export const intervalTimerGsi = 2;

export const ioApic = { gpa: 0xfec0_0000, bytes: 0x1000, id: 0, pins: 24 } as const;

export const localApicGpa = 0xfee0_0000;

/** Offsets from `port.powerManagement` (82371AB 7.2; the reset port is a virtual machine's addition). */
export const powerManagement = {
  pm1Status: 0x00,
  pm1Enable: 0x02,
  pm1Control: 0x04,
  timer: 0x08,
  gpe0Status: 0x0c,
  gpe0Enable: 0x0e,
  reset: 0x33,
} as const;

/** Writing this to the reset port resets the machine. */
export const resetPortValue = 1;

/** Value of SLP_TYP that turns the machine off; `\_S5` of the DSDT has the same. */
export const softOffSleepType = 0;

/** CMOS byte of the century; the FADT has the same. */
export const centuryIndex = 0x32;
