// Table: commands of the i8042 keyboard controller and of PS/2 devices, IBM PS/2 Hardware Interface Technical Reference.

/** Status register, port 64h. */
export const controllerStatus = {
  outputFull: 1 << 0,
  systemFlag: 1 << 2,
  lastWasCommand: 1 << 3,
  unlocked: 1 << 4,
  fromMouse: 1 << 5,
} as const;

/** The controller's command byte. */
export const commandByte = {
  keyboardInterrupt: 1 << 0,
  mouseInterrupt: 1 << 1,
  systemFlag: 1 << 2,
  keyboardDisabled: 1 << 4,
  mouseDisabled: 1 << 5,
  translate: 1 << 6,
} as const;

/** Commands to port 64h; 90h to 9Fh and others that are not listed do nothing. */
export const controllerCommand = {
  readCommandByte: 0x20,
  writeCommandByte: 0x60,
  testPassword: 0xa4,
  disableMouse: 0xa7,
  enableMouse: 0xa8,
  testMouseInterface: 0xa9,
  selfTest: 0xaa,
  testKeyboardInterface: 0xab,
  disableKeyboard: 0xad,
  enableKeyboard: 0xae,
  readInputPort: 0xc0,
  readOutputPort: 0xd0,
  writeOutputPort: 0xd1,
  writeKeyboardOutput: 0xd2,
  writeMouseOutput: 0xd3,
  writeToMouse: 0xd4,
  /** F0h to FFh: a 0 in bits 3:0 pulses that line of the output port. */
  pulseOutputPort: 0xf0,
} as const;

/** Answers of the controller. */
export const controllerAnswer = {
  noPassword: 0xf1,
  selfTestPassed: 0x55,
  interfaceWorks: 0x00,
  /** The keyboard is not locked, the display is monochrome. */
  inputPort: 0x80,
} as const;

/** Output port: the reset line of the processor (active low) and the gate of address line 20. */
export const outputPort = { notReset: 1 << 0, a20: 1 << 1 } as const;

/** Commands that keyboard and mouse share. */
export const ps2Command = {
  identify: 0xf2,
  setRate: 0xf3,
  enable: 0xf4,
  disable: 0xf5,
  setDefaults: 0xf6,
  resend: 0xfe,
  reset: 0xff,
} as const;

/** Commands of the keyboard alone. */
export const keyboardCommand = { setIndicators: 0xed, echo: 0xee, scanCodeSet: 0xf0 } as const;

/** Commands of the mouse alone. */
export const mouseCommand = {
  scaling1: 0xe6,
  scaling2: 0xe7,
  setResolution: 0xe8,
  status: 0xe9,
  streamMode: 0xea,
  readData: 0xeb,
  resetWrapMode: 0xec,
  remoteMode: 0xf0,
} as const;

/** Answers of keyboard and mouse. */
export const ps2Answer = {
  acknowledge: 0xfa,
  selfTestPassed: 0xaa,
  resend: 0xfe,
  /** An MF2 keyboard. */
  keyboardId: [0xab, 0x83],
  /** A mouse without a wheel. */
  mouseId: 0x00,
} as const;

/**
 * Codes of set 2 that translation to set 1 changes, of those that a keyboard sends as an answer; what is 80h or more and
 * not listed passes unchanged.
 */
export const translatedAnswers: ReadonlyMap<number, number> = new Map([
  // The numbers of scan code sets, too, are translated like keys.
  [0x01, 0x43],
  [0x02, 0x41],
  [0x03, 0x3f],
  [0x83, 0x41],
  [0x84, 0x54],
]);

/** Mouse after a reset: 100 reports a second, 4 counts per millimetre (code 2). */
export const mouseDefaults = { rate: 100, resolution: 2 } as const;

/** Mouse status byte. */
export const mouseStatus = { remote: 1 << 6, enabled: 1 << 5, scaling2: 1 << 4 } as const;

/** First byte of a movement report: always set. */
export const movementAlways = 1 << 3;

/** Port 92h: reset on writing 1, gate of address line 20. */
export const systemControlA = { reset: 1 << 0, a20: 1 << 1 } as const;
