/** Parses the opcode map into rows and files them by opcode. */
import { assert, present } from '../../support/assert';
import { conditionCodes } from '../ir/condition-codes';
import { opcodeMapText } from './opcode-map';
import { simdOpcodeMapText } from './opcode-map-simd';

/** What a row says of one operand: addressing letter and size letter, or a fixed register. */
export interface OperandPattern {
  /** `A`, `E`, `G`, `I`, `J`, `M`, `O`, `S`, `C`, `D`, `R`, `X`, `Y`, `Z`, or `fixed`. */
  readonly method: string;
  /** `b`, `w`, `d`, `q`, `v`, `z`, `y`; empty where it does not matter. */
  readonly size: string;
  /** Register name of a `fixed` operand. */
  readonly name: string;
}

/** One row of the opcode map for exactly one opcode byte. */
export interface OpcodeRow {
  readonly mnemonic: string;
  readonly operands: readonly OperandPattern[];
  /** 0 one-byte, 1 0F, 2 0F 38, 3 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  /** ModR/M.reg that the row demands. */
  readonly extension: number | undefined;
  /** Whole ModR/M byte that the row demands. */
  readonly modrm: number | undefined;
  readonly form: 'any' | 'reg' | 'mem';
  readonly attributes: ReadonlySet<string>;
  readonly hasModrm: boolean;
}

const fixedRegisters = new Set([
  'AL',
  'CL',
  'DX',
  'rAX',
  'eAX',
  'ES',
  'CS',
  'SS',
  'DS',
  'FS',
  'GS',
  '1',
  'ST',
  'STi',
]);

function parseOperand(text: string): OperandPattern {
  if (fixedRegisters.has(text)) return { method: 'fixed', size: '', name: text };
  return { method: text.charAt(0), size: text.slice(1), name: '' };
}

const attributeNames = new Set([
  'lock',
  'd64',
  'f64',
  'i64',
  'o64',
  'rep',
  'sized',
  'near',
  'np',
  'norep',
  'f3',
  'f2',
  'p66',
  'end',
]);

const mandatoryPrefixes: Readonly<Record<string, string>> = { F3: 'f3', F2: 'f2', '66': 'p66' };

function parseLine(line: string): OpcodeRow[] {
  const words = line.split(' ');
  const bytes: string[] = [];
  while (/^[0-9A-F]{2}([/:+].*)?$/.test(words[0] ?? '')) bytes.push(words.shift() ?? '');
  const attributes = new Set<string>();
  const mandatory = mandatoryPrefixes[bytes[0] ?? ''];
  // A further byte after the opcode would be a ModR/M byte; F2, F3 and 66 are not opcodes with one.
  if (mandatory !== undefined && bytes.length > 1) {
    attributes.add(mandatory);
    bytes.shift();
  }
  let map = 0;
  if (bytes.at(0) === '0F') {
    map = 1;
    bytes.shift();
    const [escape] = bytes;
    if (bytes.length > 1 && escape === '38') {
      map = 2;
      bytes.shift();
    }
  }
  const main = present(bytes.shift(), `opcode in "${line}"`);
  const modrm = bytes[0] === undefined ? undefined : Number.parseInt(bytes[0], 16);
  const mnemonic = present(words.shift(), `mnemonic in "${line}"`);
  const operandText = words[0] !== undefined && !attributeNames.has(words[0]) ? words.shift() : '';
  for (const word of words) {
    assert(attributeNames.has(word), `attribute "${word}" in "${line}"`);
    attributes.add(word);
  }
  const operands = (operandText ?? '').split(',').filter(Boolean).map(parseOperand);
  const extension = /\/([0-7])/.exec(main)?.[1];
  const form = /:(reg|mem)/.exec(main)?.[1];
  const first = Number.parseInt(main.slice(0, 2), 16);
  const row = {
    operands,
    map,
    extension: extension === undefined ? undefined : Number(extension),
    modrm,
    form: form === 'reg' || form === 'mem' ? form : 'any',
    attributes,
    hasModrm:
      extension !== undefined ||
      modrm !== undefined ||
      operands.some((operand) => 'EGMRSCDVUWPNQ'.includes(operand.method)),
  } as const;
  if (main.includes('+r')) {
    return Array.from({ length: 8 }, (_, index) => ({ ...row, mnemonic, opcode: first + index }));
  }
  if (main.includes('+c')) {
    return conditionCodes.map((condition, index) => ({
      ...row,
      mnemonic: mnemonic + condition,
      opcode: first + index,
    }));
  }
  return [{ ...row, mnemonic, opcode: first }];
}

/** All rows, in table order. */
export const opcodeRows: readonly OpcodeRow[] = [...opcodeMapText, ...simdOpcodeMapText].flatMap(
  parseLine,
);

/** Rows that share an opcode byte, in table order. */
export interface OpcodeChoice {
  readonly rows: readonly OpcodeRow[];
  /** Whether any of them has a ModR/M byte: then all bytes of the opcode do. */
  readonly hasModrm: boolean;
}

const none: OpcodeChoice = { rows: [], hasModrm: false };
const choices: OpcodeChoice[] = Array.from({ length: 2 * 4 * 256 }, () => none);
for (const row of opcodeRows) {
  for (const isLong of [false, true]) {
    if (row.attributes.has(isLong ? 'i64' : 'o64')) continue;
    const key = choiceKey(row.map, row.opcode, isLong);
    const { rows, hasModrm } = choices[key] ?? none;
    choices[key] = { rows: [...rows, row], hasModrm: hasModrm || row.hasModrm };
  }
}

function choiceKey(map: number, opcode: number, isLong: boolean): number {
  return (isLong ? 1024 : 0) + map * 256 + opcode;
}

/** Rows of an opcode byte, in or outside 64-bit mode. */
export function rowsOf(map: number, opcode: number, isLong: boolean): OpcodeChoice {
  return choices[choiceKey(map, opcode, isLong)] ?? none;
}
