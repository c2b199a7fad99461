// Table: PCI configuration mechanisms (PCI Local Bus Specification 2.1, 3.7.4) and the functions of a 440BX board.

/** CONFIG_ADDRESS. */
export const configAddress = {
  enable: 0x8000_0000,
  busShift: 16,
  deviceShift: 11,
  functionShift: 8,
  registerMask: 0xfc,
  /** Bits that can be written. */
  writable: 0x80ff_fffc,
} as const;

/** Offsets from CONFIG_ADDRESS when bytes are accessed, and of CONFIG_DATA. */
export const configPort = {
  /** Mechanism #2: configuration space enable. */
  CSE: 0,
  /** Reset control register (82371AB 4.5.4). */
  RC: 1,
  /** Mechanism #2: bus number. */
  forward: 2,
  CONFIG_DATA: 4,
} as const;

/** Configuration space enable: key, function. */
export const configSpaceEnable = { keyMask: 0xf0, functionShift: 1, functionMask: 7 } as const;

/** Reset control: writing a 1 over a 0 into RCPU resets. */
export const resetControl = { RCPU: 1 << 2, writable: 0b110 } as const;

export const configSpaceBytes = 256;

/** Registers of the common header (6.1) that the table below uses, as double words. */
const header = {
  id: 0x00,
  command: 0x04,
  classCode: 0x08,
  headerType: 0x0c,
  subsystem: 0x2c,
  interrupt: 0x3c,
} as const;

/** One double word of configuration space; what is not listed reads 0 and ignores writes. */
export interface ConfigurationWord {
  readonly offset: number;
  readonly value: number;
  /** Bits that software can write. */
  readonly writable: number;
}

/** One function of a device. */
export interface PciFunctionDescription {
  readonly name: string;
  readonly device: number;
  readonly function: number;
  readonly words: readonly ConfigurationWord[];
}

const word = (offset: number, value: number, writable = 0): ConfigurationWord => ({
  offset,
  value,
  writable,
});

const storage = (first: number, last: number): readonly ConfigurationWord[] =>
  Array.from({ length: (last - first) / 4 + 1 }, (_, index) =>
    word(first + 4 * index, 0, 0xffff_ffff),
  );

/** Bus 0, as lspci shows it in a generation-1 machine, without the functions that Hyperscope does not have. */
export const pciFunctions: readonly PciFunctionDescription[] = [
  {
    name: '440BX host bridge',
    device: 0,
    function: 0,
    words: [
      word(header.id, 0x7192_8086),
      word(header.command, 0x0200_0006),
      word(header.classCode, 0x0600_0003),
      // PAM: who answers for C0000 to FFFFF. The bits are kept; RAM always answers.
      word(0x58, 0x0000_0003, 0x3333_3000),
      word(0x5c, 0, 0x3333_3333),
      // DRB: row boundaries of memory that is not in rows.
      word(0x60, 0x0202_0202, 0xffff_ffff),
      word(0x64, 0x0000_0002, 0xffff_ffff),
      word(0x70, 0x3802_0000),
      word(0x78, 0x380a_0000),
      // BIOS scratch.
      word(0xd0, 0, 0xffff_ffff),
      word(0xd4, 0, 0xffff_ffff),
      word(0xf8, 0x0000_0f20),
    ],
  },
  {
    name: 'PIIX4 ISA bridge',
    device: 7,
    function: 0,
    words: [
      word(header.id, 0x7110_8086),
      word(header.command, 0x0200_0007),
      word(header.classCode, 0x0601_0001),
      // More functions follow.
      word(header.headerType, 0x0080_0000),
      word(header.subsystem, 0x0000_1414),
      word(0x4c, 0x0003_004d),
      // PIRQRC: PIRQA to IRQ 11, the others nowhere.
      word(0x60, 0x8080_800b, 0x8f8f_8f8f),
      word(0x64, 0x0000_00d0, 0x0000_00ff),
      word(0x68, 0x0000_0200),
      word(0x80, 0, 0x0000_007f),
      word(0xa0, 0x0000_0008, 0x0000_00ff),
      ...storage(0xa4, 0xac),
      word(0xc8, 0x2500_0000),
      word(0xf8, 0x0000_0f30),
    ],
  },
  {
    name: 'PIIX4 power management',
    device: 7,
    function: 3,
    words: [
      word(header.id, 0x7113_8086),
      word(header.command, 0x0280_0001),
      word(header.classCode, 0x0680_0002),
      word(header.subsystem, 0x0000_1414),
      word(header.interrupt, 0x0000_0109, 0x0000_00ff),
      // PMBA: firmware has placed the registers at port 400h; they do not move.
      word(0x40, 0x0000_0401),
      ...storage(0x44, 0x7c),
      // PMREGMISC: the registers are decoded.
      word(0x80, 0x0000_0001),
      word(0xf8, 0x0000_0f30),
    ],
  },
];
