/** Code for random streams: instructions made from the rows of the opcode map, some with turned bits, or plain bytes. */
import { opcodeRows, type OpcodeRow } from '../../debug-adapter/cpu/decode/opcode-rows';
import type { SeededRandom } from '../support/seeded-random';

/** Default operand size of the code, and where its memory operands may point. */
export interface CodeSetting {
  readonly codeSize: 16 | 32 | 64;
  /** Addresses that are mapped; small enough for the code's addresses. */
  readonly places: readonly number[];
  /** Selectors that name something. */
  readonly selectors: readonly number[];
  /** Where the code lies, for far transfers. */
  readonly codeAt: number;
}

/** Bytes, and the offsets in them at which a run may begin. */
export interface StreamCode {
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
}

const streamBytes = 512;
const instructionBytesMax = 15;
const prefixes = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48, 0x4f, 0x0f, 0x64, 0x2e, 0xff, 0xcf];
const segmentPrefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const mandatoryPrefixes = [
  ['f3', 0xf3],
  ['f2', 0xf2],
  ['p66', 0x66],
] as const;

/** What makes a form of a row: whether an operand is in memory, the operand size, and repetition. */
interface RowForm {
  readonly isMemory: boolean;
  readonly hasSizePrefix: boolean;
  readonly isWide: boolean;
  /** Undefined for none. */
  readonly repeat: number | undefined;
}

/** The forms of a row, as far as it has them, in an order in which neighbours differ in all that they can. */
const rowForms: readonly RowForm[] = [
  { isMemory: false, hasSizePrefix: false, isWide: true, repeat: 0xf3 },
  { isMemory: true, hasSizePrefix: true, isWide: false, repeat: undefined },
  { isMemory: false, hasSizePrefix: false, isWide: false, repeat: 0xf2 },
  { isMemory: true, hasSizePrefix: false, isWide: true, repeat: undefined },
  { isMemory: false, hasSizePrefix: true, isWide: false, repeat: 0xf3 },
  { isMemory: true, hasSizePrefix: false, isWide: false, repeat: 0xf2 },
  { isMemory: true, hasSizePrefix: true, isWide: false, repeat: 0xf2 },
  { isMemory: true, hasSizePrefix: false, isWide: true, repeat: 0xf2 },
  { isMemory: true, hasSizePrefix: false, isWide: false, repeat: 0xf3 },
  { isMemory: false, hasSizePrefix: false, isWide: true, repeat: undefined },
];

/** A form of chance. */
function randomForm(random: SeededRandom): RowForm {
  return {
    isMemory: random.chance(50),
    hasSizePrefix: random.chance(35),
    isWide: random.chance(28),
    repeat: random.chance(60) ? random.pick([0xf2, 0xf3]) : undefined,
  };
}

/** One instruction of a row that exists in the setting; the rest of it is random. */
class Encoder {
  private readonly out: number[] = [];
  private isWide = false;
  private isOperandChanged = false;
  private isAddressChanged = false;

  constructor(
    private readonly random: SeededRandom,
    private readonly setting: CodeSetting,
    private readonly row: OpcodeRow,
    private readonly form: RowForm,
  ) {}

  encode(): number[] {
    const { row } = this;
    const isMemory =
      row.hasModrm && (row.form === 'mem' || (row.form === 'any' && this.form.isMemory));
    this.prefixBytes(isMemory);
    if (row.map > 0) this.out.push(0x0f);
    if (row.map > 1) this.out.push(row.map === 2 ? 0x38 : 0x3a);
    this.out.push(row.opcode);
    if (row.modrm !== undefined) this.out.push(row.modrm);
    else if (row.hasModrm) this.modrm(isMemory && !row.operands.some(isSpecial));
    for (const { method, size } of row.operands) this.immediate(method, size);
    return this.out;
  }

  private prefixBytes(isMemory: boolean): void {
    const { random, row, out } = this;
    const { attributes } = row;
    const mandatory = mandatoryPrefixes.find(([name]) => attributes.has(name))?.[1];
    if (random.chance(6)) {
      out.push(0x67);
      this.isAddressChanged = true;
    }
    if (random.chance(6)) out.push(random.pick(segmentPrefixes));
    if (isMemory && attributes.has('lock') && random.chance(15)) out.push(0xf0);
    if (attributes.has('rep') && this.form.repeat !== undefined) out.push(this.form.repeat);
    if (mandatory === undefined && !attributes.has('np') && this.form.hasSizePrefix) {
      out.push(0x66);
      this.isOperandChanged = true;
    }
    if (mandatory !== undefined) out.push(mandatory);
    this.isWide = this.setting.codeSize === 64 && this.form.isWide;
    if (this.isWide) out.push(0x48 | random.below(8));
    else if (this.setting.codeSize === 64 && random.chance(30)) out.push(0x40 | random.below(8));
  }

  private get operandBytes(): number {
    const { codeSize } = this.setting;
    if (codeSize !== 64) return (codeSize === 16) === this.isOperandChanged ? 4 : 2;
    if (this.isWide) return 8;
    return this.isOperandChanged ? 2 : 4;
  }

  private get addressBytes(): number {
    const { codeSize } = this.setting;
    if (codeSize === 64) return this.isAddressChanged ? 4 : 8;
    return (codeSize === 16) === this.isAddressChanged ? 4 : 2;
  }

  private number(value: number, bytes: number): void {
    for (let index = 0; index < bytes; index++) {
      this.out.push(index < 4 ? (value >>> (index * 8)) & 0xff : 0);
    }
  }

  /** An address of data, aligned more often than not. */
  private place(): number {
    const at = this.random.pick(this.setting.places) + this.random.below(0xff0);
    return this.random.chance(60) ? at & ~15 : at;
  }

  private modrm(isMemory: boolean): void {
    const { random, row, out } = this;
    const reg = (row.extension ?? random.below(8)) << 3;
    if (!isMemory) {
      out.push(0xc0 | reg | random.below(8));
    } else if (random.chance(40)) {
      // One displacement byte behind a base register, which points to data more often than not.
      const rm = this.addressBytes === 2 ? random.below(8) : random.pick([0, 1, 2, 3, 5, 6, 7]);
      out.push(0x40 | reg | rm, random.below(256));
    } else if (this.addressBytes === 2) {
      out.push(reg | 6);
      this.number(this.place(), 2);
    } else if (this.setting.codeSize === 64) {
      out.push(reg | 4, 0x25);
      this.number(this.place(), 4);
    } else {
      out.push(reg | 5);
      this.number(this.place(), 4);
    }
  }

  private immediate(method: string, size: string): void {
    const { random, operandBytes, setting } = this;
    const isByte = size === 'b';
    switch (method) {
      case 'I': {
        const full = size === 'z' ? Math.min(operandBytes, 4) : operandBytes;
        return this.number(random.next(), isByte ? 1 : size === 'w' ? 2 : full);
      }
      case 'J':
        // Forward, and not far.
        return this.number(
          random.below(24),
          isByte ? 1 : setting.codeSize === 64 ? 4 : operandBytes,
        );
      case 'O':
        return this.number(this.place(), this.addressBytes);
      case 'A':
        this.number(setting.codeAt + random.below(streamBytes), operandBytes);
        return this.number(random.pick(setting.selectors), 2);
    }
  }
}

const longRows = opcodeRows().filter(({ attributes }) => !attributes.has('i64'));
const shortRows = opcodeRows().filter(({ attributes }) => !attributes.has('o64'));

/** Control and debug registers have no memory form. */
function isSpecial({ method }: { readonly method: string }): boolean {
  return method === 'C' || method === 'D';
}

/** What the rows and forms of a code are chosen by; the rest is random. */
export interface CodeChoice {
  /** Half of the instructions go through all rows and forms, from this one of a count over all codes. */
  readonly from: number;
  /** Whether all of it is instructions. */
  readonly isWhole: boolean;
}

/** Instructions of which a code walks through rows, at most. */
export const rowsEach = 48;

/** Code of one kind or another, long enough for some runs. */
export function streamCode(
  random: SeededRandom,
  setting: CodeSetting,
  recorded: readonly Uint8Array[],
  { from, isWhole }: CodeChoice,
): StreamCode {
  if (random.chance(35) && !isWhole) return plainBytes(random);
  const rows = setting.codeSize === 64 ? longRows : shortRows;
  const bytes = new Uint8Array(streamBytes);
  const starts: number[] = [];
  let at = 0;
  let next = from;
  const walked = (): number[] => {
    const row = rows[next % rows.length] ?? random.pick(rows);
    const form = rowForms[Math.floor(next / rows.length) % rowForms.length] ?? randomForm(random);
    next++;
    return new Encoder(random, setting, row, form).encode();
  };
  while (at < streamBytes - instructionBytesMax) {
    const isRecorded = recorded.length > 0 && random.chance(15);
    const isWalked = !isRecorded && next - from < rowsEach && random.chance(50);
    const code = isRecorded
      ? random.pick(recorded)
      : isWalked
        ? walked()
        : new Encoder(random, setting, random.pick(rows), randomForm(random)).encode();
    starts.push(at);
    bytes.set(code.slice(0, instructionBytesMax), at);
    at += Math.min(code.length, instructionBytesMax);
  }
  if (random.chance(30) && !isWhole) {
    for (let turns = 1 + random.below(30); turns > 0; turns--) {
      const turned = random.below(streamBytes);
      bytes[turned] = (bytes[turned] ?? 0) ^ (1 << random.below(8));
    }
  }
  return { bytes, starts };
}

function plainBytes(random: SeededRandom): StreamCode {
  const bytes = random.bytes(streamBytes);
  for (let at = 0; at < streamBytes; at += 1 + random.below(12)) bytes[at] = random.pick(prefixes);
  const starts = Array.from({ length: 24 }, () => random.below(streamBytes - instructionBytesMax));
  return { bytes, starts };
}
