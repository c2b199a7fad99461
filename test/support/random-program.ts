/** Random programs of valid instructions, with memory, branches, stack, strings, faults and writes to code and page tables. */
import { littleEndian, machineCode } from './machine-code';
import type { SeededRandom } from './seeded-random';

/** Linear addresses that the programs know; `program-lab.ts` maps them. */
export const places = {
  program: 0x30_000,
  blocks: 128,
  blockBytes: 64,
  data: 0x44_000,
  dataPages: 8,
  /** The same data at addresses that share TLB entries with it. */
  aliases: [0x104_000 - 0xc0_000, 0x10_44_000, 0x20_44_000],
  /** And in the upper half of the address space: what a sign-extended displacement reaches. */
  upperAlias: 0x8004_4000,
  /** Values of CR3: the first one's tables, the same but for the data, and with an upper half of its own too. */
  spaces: [0x1000, 0xe0_0000, 0xe1_0000],
  /** The page-table entries of the data pages. */
  tableAlias: 0x5f_000,
  missing: 0x5000_0000,
  readOnly: 0x4f_000,
} as const;

const byteRegisters = 16;

/** One random instruction, or a short group of them, as hexadecimal text. */
export type Template = (random: SeededRandom) => string;

/** Templates with how often each is taken. */
export type WeightedTemplates = readonly (readonly [number, Template])[];

const hex = (value: number): string => littleEndian(value, 1);

function rex(random: SeededRandom): { readonly text: string; readonly bits: number } {
  const bits = random.below(16);
  return { text: hex(0x40 | bits), bits };
}

function address(random: SeededRandom): number {
  const kind = random.below(100);
  const base = random.pick([...places.aliases, places.upperAlias]);
  const page = random.below(places.dataPages) * 0x1000;
  if (kind < 60) return base + page + random.below(0x800);
  if (kind < 78) return base + Math.max(page, 0x1000) - 1 - random.below(8);
  if (kind < 86) return places.program + random.below(places.blocks * places.blockBytes);
  if (kind < 90) return places.missing + random.below(0x1000);
  if (kind < 94) return places.readOnly + random.below(0x2000) - 0x800;
  // Bytes 0 and 7 of an entry hold rights; the address in between stays.
  return places.tableAlias + (places.data >>> 9) + random.below(places.dataPages) * 8;
}

/** ModR/M with what follows: a register, an absolute address, or RBX with displacement. */
function operand(random: SeededRandom, field: number): string {
  const reg = (field & 7) << 3;
  switch (random.below(5)) {
    case 0:
    case 1:
      return hex(0xc0 | reg | random.below(8));
    case 2:
    case 3:
      return hex(reg | 4) + hex(0x25) + littleEndian(address(random), 4);
    default:
      return hex(0x43 | reg) + hex(random.below(256));
  }
}

const arithmetic: Template = (random) => {
  const opcode = random.below(8) * 8 + random.below(4);
  return rex(random).text + hex(opcode) + operand(random, random.below(8));
};

const immediateArithmetic: Template = (random) =>
  rex(random).text + hex(0x83) + operand(random, random.below(8)) + hex(random.next() & 0xff);

const shift: Template = (random) =>
  rex(random).text +
  hex(random.pick([0xc0, 0xc1])) +
  operand(random, random.below(8)) +
  hex(random.next() & 0xff);

const unary: Template = (random) =>
  rex(random).text + hex(random.pick([0xf6, 0xf7])) + operand(random, 2 + random.below(6));

const step: Template = (random) =>
  rex(random).text + hex(random.pick([0xfe, 0xff])) + operand(random, random.below(2));

const move: Template = (random) =>
  random.pick(['', '66', '']) +
  rex(random).text +
  hex(random.pick([0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x86, 0x87, 0x84, 0x85])) +
  operand(random, random.below(8));

const twoByte: Template = (random) => {
  const opcode = random.pick([
    0x40 + random.below(16),
    0x90 + random.below(16),
    random.pick([0xa3, 0xab, 0xb3, 0xbb, 0xaf, 0xb0, 0xb1, 0xb6, 0xb7]),
    random.pick([0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1, 0xa5, 0xad]),
  ]);
  return rex(random).text + '0f' + hex(opcode) + operand(random, random.below(8));
};

const pair: Template = (random) =>
  random.pick(['', '48']) + '0fc7' + hex(0x0c) + hex(0x25) + littleEndian(address(random) & ~15, 4);

const loadRegister: Template = (random) =>
  hex(0x48 | random.below(2)) + hex(0xb8 + random.below(8)) + littleEndian(random.next(), 8);

const stack: Template = (random) =>
  random.pick([
    hex(0x50 + random.below(8)),
    hex(0x58 + random.below(8)),
    `6a${hex(random.below(256))}`,
    '9c',
    `8f0425${littleEndian(address(random), 4)}`,
    `ff3425${littleEndian(address(random), 4)}`,
    'c8 10 00 00',
    'c8 10 00 03',
    'c9',
  ]);

/** PUSHF, a changed flag, POPF: TF, IF and NT among others. */
const flags: Template = (random) =>
  random.pick([
    `9c 81 34 24 ${littleEndian(random.pick([0x100, 0x200, 0x400, 0x4000, 0x8d5]), 4)} 9d`,
    'f8',
    'f9',
    'f5',
    'fc',
    'fd',
    'fa',
    'fb',
    '9e',
    '9f',
  ]);

const blockAddress = (random: SeededRandom): number =>
  places.program + random.below(places.blocks) * places.blockBytes;

const branch: Template = (random) =>
  random.pick([
    `${hex(0x70 + random.below(16))}${hex(random.below(24))}`,
    `0f${hex(0x80 + random.below(16))}${littleEndian(random.below(512), 4)}`,
    `eb${hex(random.below(24))}`,
    `e2${hex(256 - random.below(20))}`,
    `e3${hex(random.below(16))}`,
    `b8${littleEndian(blockAddress(random), 4)}ffe0`,
    `b8${littleEndian(blockAddress(random), 4)}ffd0`,
    `68${littleEndian(blockAddress(random), 4)}c3`,
    `e8${littleEndian(random.below(256), 4)}`,
  ]);

const string: Template = (random) => {
  const from = littleEndian(address(random), 4);
  const to = littleEndian(address(random), 4);
  const prefix = random.pick(['', 'f3', 'f2', 'f348', 'f366']);
  const opcode = hex(random.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]));
  return `b9${littleEndian(random.below(40), 4)}be${from}bf${to}${prefix}${opcode}`;
};

const system: Template = (random) =>
  random.pick([
    '0fa2',
    '0f31',
    '0f01f9',
    'f390',
    'f4',
    'cc',
    'cd80',
    '0f0b',
    '0f01f8',
    '0f20d8 0f22d8',
    `b8${littleEndian(random.pick(places.spaces), 4)}0f22d8`,
    `b8${littleEndian(random.pick(places.spaces), 4)}0f22d8`,
    '0f20d0',
    `0f013c25${littleEndian(address(random), 4)}`,
    '31d2 f7f2',
    'ce',
    'e421',
    '66b81000 8ed0',
  ]);

/** Stores a whole new instruction over the program, so that what is written makes sense. */
const selfModification: Template = (random) => {
  const target = littleEndian(blockAddress(random) + random.below(16), 4);
  return `c70425${target}${random.pick(['90909090', 'ffc0ffc1', '48ffc390', 'eb023333'])}`;
};

/** Accessed, dirty, writable or present of a data page's entry. */
const tableChange: Template = (random) => {
  const entry = places.tableAlias + (places.data >>> 9) + random.below(places.dataPages) * 8;
  const [extension, bits] = random.pick([
    [4, 0x9f],
    [4, 0xdf],
    [6, 2],
    [1, 3],
    [6, 1],
  ] as const);
  return `80${hex(0x04 | (extension << 3))}25${littleEndian(entry, 4)}${hex(bits)}`;
};

const templates: WeightedTemplates = [
  [16, arithmetic],
  [8, immediateArithmetic],
  [5, shift],
  [5, unary],
  [3, step],
  [12, move],
  [9, twoByte],
  [1, pair],
  [4, loadRegister],
  [9, stack],
  [3, flags],
  [10, branch],
  [6, string],
  [4, system],
  [2, selfModification],
  [3, tableChange],
];

function pickTemplate(random: SeededRandom, choice: WeightedTemplates): Template {
  let left = random.below(choice.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, template] of choice) {
    left -= weight;
    if (left < 0) return template;
  }
  return arithmetic;
}

/**
 * The bytes of a program: `places.blocks` blocks of instructions, the rest of each NOPs.
 * @param further templates beside those that need nothing but a processor
 */
export function randomProgram(random: SeededRandom, further: WeightedTemplates = []): Uint8Array {
  const choice = [...templates, ...further];
  const program = new Uint8Array(places.blocks * places.blockBytes).fill(0x90);
  for (let block = 0; block < places.blocks; block++) {
    let at = block * places.blockBytes;
    const end = at + places.blockBytes - byteRegisters;
    while (at < end) {
      const code = machineCode(pickTemplate(random, choice)(random));
      program.set(code.subarray(0, Math.min(code.length, program.length - at)), at);
      at += code.length;
    }
  }
  return program;
}
