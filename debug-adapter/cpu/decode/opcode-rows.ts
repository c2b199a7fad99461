/** Files the lines of the opcode map by opcode, and parses those that somebody wants into rows. */
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
  /** Its place in the table. */
  readonly number: number;
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

/** A line of the table, and the opcodes of its rows: one, or several in a row. */
interface OpcodeLine {
  readonly text: string;
  readonly attribute: string | undefined;
  readonly map: number;
  readonly opcode: number;
  /** Where the opcode stands in the text. */
  readonly at: number;
  readonly count: number;
  /** Place of its first row in the table. */
  readonly number: number;
  rows: readonly OpcodeRow[] | undefined;
}

const bytePattern = /[0-9A-F]{2}(?=[ /:+])/y;

function isByte(text: string, at: number): boolean {
  bytePattern.lastIndex = at;
  return bytePattern.test(text);
}

const byteText = 'xx '.length;

/** Reads as much of a line as says which opcodes it is of. */
function readLine(text: string, number: number): OpcodeLine {
  let at = 0;
  // A further byte after the opcode would be a ModR/M byte; F2, F3 and 66 are not opcodes with one.
  const attribute = isByte(text, byteText) ? mandatoryPrefixes[text.slice(0, 2)] : undefined;
  if (attribute !== undefined) at += byteText;
  let map = 0;
  if (text.startsWith('0F', at)) {
    map = 1;
    at += byteText;
    if (text.startsWith('38', at) && isByte(text, at + byteText)) {
      map = 2;
      at += byteText;
    }
  }
  const opcode = Number.parseInt(text.slice(at, at + 2), 16);
  const several = text.startsWith('+', at + 2) ? text.charAt(at + 3) : '';
  const count = several === 'r' ? 8 : several === 'c' ? conditionCodes.length : 1;
  return { text, attribute, map, opcode, at, count, number, rows: undefined };
}

function parseLine({ text, attribute, map, opcode, at, number }: OpcodeLine): OpcodeRow[] {
  const words = text.slice(at).split(' ');
  const bytes: string[] = [];
  while (/^[0-9A-F]{2}([/:+].*)?$/.test(words[0] ?? '')) bytes.push(words.shift() ?? '');
  const attributes = new Set<string>(attribute === undefined ? [] : [attribute]);
  const main = present(bytes.shift(), `opcode in "${text}"`);
  const modrm = bytes[0] === undefined ? undefined : Number.parseInt(bytes[0], 16);
  const mnemonic = present(words.shift(), `mnemonic in "${text}"`);
  const operandText = words[0] !== undefined && !attributeNames.has(words[0]) ? words.shift() : '';
  for (const word of words) {
    assert(attributeNames.has(word), `attribute "${word}" in "${text}"`);
    attributes.add(word);
  }
  const operands = (operandText ?? '').split(',').filter(Boolean).map(parseOperand);
  const extension = /\/([0-7])/.exec(main)?.[1];
  const form = /:(reg|mem)/.exec(main)?.[1];
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
  const rowOf = (index: number, name: string): OpcodeRow => ({
    ...row,
    number: number + index,
    mnemonic: name,
    opcode: opcode + index,
  });
  if (main.includes('+r')) return Array.from({ length: 8 }, (_, index) => rowOf(index, mnemonic));
  if (main.includes('+c')) {
    return conditionCodes.map((condition, index) => rowOf(index, mnemonic + condition));
  }
  return [rowOf(0, mnemonic)];
}

function rowsOfLine(line: OpcodeLine): readonly OpcodeRow[] {
  line.rows ??= parseLine(line);
  assert(line.rows.length === line.count, `rows of "${line.text}"`);
  return line.rows;
}

const opcodesOfMap = 256;
const lines: OpcodeLine[] = [];
/** In table order, by map and opcode. */
const linesByOpcode: OpcodeLine[][] = Array.from({ length: 4 * opcodesOfMap }, () => []);
let rowCount = 0;
for (const text of [...opcodeMapText, ...simdOpcodeMapText]) {
  const line = readLine(text, rowCount);
  lines.push(line);
  rowCount += line.count;
  const first = line.map * opcodesOfMap + line.opcode;
  for (let key = first; key < first + line.count; key++) linesByOpcode[key]?.push(line);
}

/** All rows, in table order. */
export function opcodeRows(): readonly OpcodeRow[] {
  return lines.flatMap(rowsOfLine);
}

/** Rows that share an opcode byte, in table order. */
export interface OpcodeChoice {
  readonly rows: readonly OpcodeRow[];
  /** Whether any of them has a ModR/M byte: then all bytes of the opcode do. */
  readonly hasModrm: boolean;
}

/** Rows of an opcode byte, in or outside 64-bit mode. */
export function rowsOf(map: number, opcode: number, isLong: boolean): OpcodeChoice {
  const absent = isLong ? 'i64' : 'o64';
  const rows = (linesByOpcode[map * opcodesOfMap + opcode] ?? [])
    .map((line) => present(rowsOfLine(line)[opcode - line.opcode], `rows of "${line.text}"`))
    .filter(({ attributes }) => !attributes.has(absent));
  return { rows, hasModrm: rows.some(({ hasModrm }) => hasModrm) };
}
