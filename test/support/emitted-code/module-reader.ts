/** Reads an emitted WebAssembly module: functions as lists of instructions (core specification 5.4 and 5.5). */

/** Why a module is not accepted; the verifier refuses whatever it does not know. */
export class Refusal extends Error {}

export interface Instruction {
  readonly op: number;
  /** Number behind the prefix 0xfc or 0xfd. */
  readonly sub: number;
  /** Index of a local, function or label, or the constant offset of an access to memory. */
  readonly index: number;
  readonly constant: bigint;
  readonly labels: readonly number[];
  /** Position of the opcode, and of the last immediate, in the module. */
  readonly at: number;
  readonly immediateAt: number;
}

export interface EmittedFunction {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
  /** Types of parameters and locals. */
  readonly locals: readonly number[];
  readonly instructions: readonly Instruction[];
}

export interface EmittedModule {
  /** Names of the imported functions. */
  readonly imports: readonly string[];
  readonly functions: readonly EmittedFunction[];
}

const section = { type: 1, import: 2, function: 3, code: 10 } as const;
const prefixFc = 0xfc;
const prefixFd = 0xfd;
const emptyBlock = 0x40;

class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new Refusal('the module ends early');
    return value;
  }

  unsigned(): number {
    return Number(BigInt.asUintN(32, this.number(false)));
  }

  signed(): bigint {
    return this.number(true);
  }

  name(): string {
    const length = this.unsigned();
    const text = String.fromCharCode(...this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }

  private number(isSigned: boolean): bigint {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const next = this.byte();
      value |= BigInt(next & 0x7f) << shift;
      shift += 7n;
      if ((next & 0x80) !== 0) continue;
      return isSigned && (next & 0x40) !== 0 ? value - (1n << shift) : value;
    }
  }
}

interface FunctionType {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

export function readModule(bytes: Uint8Array): EmittedModule {
  const reader = new Reader(bytes, 8);
  const types: FunctionType[] = [];
  const imports: string[] = [];
  const typeOf: number[] = [];
  const functions: EmittedFunction[] = [];
  const list = <T>(read: () => T): T[] => Array.from({ length: reader.unsigned() }, read);
  const typeAt = (index: number): FunctionType => {
    const type = types[index];
    if (type === undefined) throw new Refusal('unknown type');
    return type;
  };
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const end = reader.unsigned() + reader.at;
    if (id === section.type) {
      list(() => {
        reader.byte();
        types.push({
          parameters: list(() => reader.byte()),
          results: list(() => reader.byte()),
        });
      });
    } else if (id === section.import) list(() => readImport(reader, imports));
    else if (id === section.function) list(() => typeOf.push(reader.unsigned()));
    else if (id === section.code) {
      list(() => functions.push(readBody(reader, typeAt(typeOf[functions.length] ?? -1))));
    }
    reader.at = end;
  }
  return { imports, functions };
}

function readImport(reader: Reader, names: string[]): void {
  reader.name();
  const name = reader.name();
  const kind = reader.byte();
  if (kind === 0) {
    reader.unsigned();
    names.push(name);
    return;
  }
  if (kind === 1) reader.byte();
  else if (kind !== 2) throw new Refusal(`import ${name} of kind ${kind}`);
  const hasMaximum = reader.byte() !== 0;
  reader.unsigned();
  if (hasMaximum) reader.unsigned();
}

function readBody(reader: Reader, { parameters, results }: FunctionType): EmittedFunction {
  const end = reader.unsigned() + reader.at;
  const locals = [...parameters];
  for (let groups = reader.unsigned(); groups > 0; groups--) {
    const count = reader.unsigned();
    const type = reader.byte();
    for (let each = 0; each < count; each++) locals.push(type);
  }
  const instructions: Instruction[] = [];
  while (reader.at < end) instructions.push(readInstruction(reader));
  return { parameters, results, locals, instructions };
}

/** Opcodes with one index behind them: branches, calls, locals. */
const indexed = new Set([0x0c, 0x0d, 0x10, 0x20, 0x21, 0x22]);
/** Opcodes without immediates that emitted code may have. */
const plain = (op: number): boolean =>
  [0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b].includes(op) ||
  (op >= 0x45 && op <= 0x5a) ||
  (op >= 0x67 && op <= 0x8a) ||
  [0xa7, 0xac, 0xad, 0xb4, 0xb9, 0xbc, 0xbd, 0xbf].includes(op) ||
  (op >= 0xc0 && op <= 0xc4);

function readInstruction(reader: Reader): Instruction {
  const { at } = reader;
  const op = reader.byte();
  let sub = 0;
  let index = 0;
  let constant = 0n;
  let labels: readonly number[] = [];
  let immediateAt = reader.at;
  if (op >= 0x02 && op <= 0x04) {
    if (reader.byte() !== emptyBlock) throw new Refusal('a block with a value');
  } else if (indexed.has(op)) index = reader.unsigned();
  else if (op === 0x0e) {
    labels = Array.from({ length: reader.unsigned() + 1 }, () => reader.unsigned());
  } else if (op === 0x11) {
    index = reader.unsigned();
    if (reader.byte() !== 0) throw new Refusal('a second table');
  } else if (op >= 0x28 && op <= 0x3e) {
    reader.unsigned();
    immediateAt = reader.at;
    index = reader.unsigned();
  } else if (op === 0x41 || op === 0x42) constant = reader.signed();
  else if (op === prefixFc) {
    sub = reader.unsigned();
    // memory.copy names two memories, memory.fill one; the other is a conversion.
    for (let rest = sub === 10 ? 2 : sub === 11 ? 1 : 0; rest > 0; rest--) reader.byte();
    if (![6, 10, 11].includes(sub)) throw new Refusal(`instruction fc ${sub}`);
  } else if (op === prefixFd) {
    sub = reader.unsigned();
    immediateAt = reader.at;
    if (sub === 0 || sub === 11) {
      reader.unsigned();
      immediateAt = reader.at;
      index = reader.unsigned();
    } else if (sub === 12 || sub === 13) reader.at += 16;
    else if (sub >= 21 && sub <= 34) reader.byte();
  } else if (!plain(op)) throw new Refusal(`opcode ${op.toString(16)}`);
  return { op, sub, index, constant, labels, at, immediateAt };
}
