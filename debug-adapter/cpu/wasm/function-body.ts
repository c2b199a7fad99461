/** Writes the body of one WebAssembly function: instructions, structured control with named labels, locals. */
import { assert, InvariantError, present } from '../../support/assert';
import { ByteWriter } from './byte-writer';
import { op, valueType } from './opcodes';

export type WasmType = keyof typeof valueType;

/** Name of an enclosing block or loop, or the {@link FunctionBody.level} it was begun at; branch depths follow from it. */
export type Label = string | number;

const emptyBlock = 0x40;

export class FunctionBody {
  readonly code = new ByteWriter();
  /** Names of the open blocks, empty where there is none. */
  private readonly open: string[] = [];
  /** By name: levels of the open blocks of that name, the innermost last. */
  private readonly levels = new Map<string, number[]>();
  private readonly localTypes: WasmType[] = [];

  constructor(
    readonly parameters: readonly WasmType[],
    readonly results: readonly WasmType[],
  ) {}

  /** Adds a local variable and returns its index. */
  addLocal(type: WasmType): number {
    this.localTypes.push(type);
    return this.parameters.length + this.localTypes.length - 1;
  }

  op(opcode: number): this {
    this.code.byte(opcode);
    return this;
  }

  /** Bytes of an instruction as they are. */
  bytes(values: readonly number[]): this {
    for (const value of values) this.code.byte(value);
    return this;
  }

  i32(value: number): this {
    this.code.byte(op.i32Const).signed(value | 0);
    return this;
  }

  i64(value: bigint): this {
    this.code.byte(op.i64Const).signed64(value);
    return this;
  }

  /** The same in halves, each an i32. */
  i64Halves(low: number, high: number): this {
    this.code.byte(op.i64Const).signedHalves(low, high);
    return this;
  }

  get(local: number): this {
    this.code.byte(op.localGet).unsigned(local);
    return this;
  }

  set(local: number): this {
    this.code.byte(op.localSet).unsigned(local);
    return this;
  }

  tee(local: number): this {
    this.code.byte(op.localTee).unsigned(local);
    return this;
  }

  /** A load or store opcode with its constant offset; alignment hints are left at one byte. */
  memory(opcode: number, offset: number): this {
    this.code.byte(opcode).unsigned(0).unsigned(offset);
    return this;
  }

  /** A 128-bit load or store. */
  simdMemory(opcode: number, offset: number): this {
    this.code.byte(op.prefixFd);
    return this.memory(opcode, offset);
  }

  /** How many blocks are open: the label of the one that begins next, if it has no name. */
  get level(): number {
    return this.open.length;
  }

  block(name = ''): this {
    return this.begin(op.block, name);
  }

  loop(name = ''): this {
    return this.begin(op.loop, name);
  }

  if(name = ''): this {
    return this.begin(op.if, name);
  }

  else(): this {
    return this.op(op.else);
  }

  end(): this {
    const name = present(this.open.pop(), 'block that ends');
    if (name !== '') this.levels.get(name)?.pop();
    return this.op(op.end);
  }

  br(label: Label): this {
    this.code.byte(op.br).unsigned(this.depthOf(label));
    return this;
  }

  brIf(label: Label): this {
    this.code.byte(op.brIf).unsigned(this.depthOf(label));
    return this;
  }

  brTable(labels: readonly Label[], otherwise: Label): this {
    this.code.byte(op.brTable).unsigned(labels.length);
    for (const label of labels) this.code.unsigned(this.depthOf(label));
    this.code.unsigned(this.depthOf(otherwise));
    return this;
  }

  call(functionIndex: number): this {
    this.code.byte(op.call).unsigned(functionIndex);
    return this;
  }

  /** Calls through the imported table; the module's `indirect` type is type 0. */
  callIndirect(): this {
    this.code.byte(op.callIndirect).unsigned(0).unsigned(0);
    return this;
  }

  /** The encoded body: local declarations, code, final `end`. */
  encode(): Uint8Array {
    assert(this.open.length === 0, 'an open block');
    const body = new ByteWriter();
    body.unsigned(this.localTypes.length);
    for (const type of this.localTypes) body.unsigned(1).byte(valueType[type]);
    body.bytes(this.code.finish()).byte(op.end);
    return body.finish();
  }

  private begin(opcode: number, name: string): this {
    if (name !== '') {
      const levels = this.levels.get(name);
      if (levels === undefined) this.levels.set(name, [this.level]);
      else levels.push(this.level);
    }
    this.open.push(name);
    this.code.byte(opcode).byte(emptyBlock);
    return this;
  }

  private depthOf(label: Label): number {
    const level = typeof label === 'number' ? label : this.levels.get(label)?.at(-1);
    if (level === undefined || level >= this.level) {
      throw new InvariantError(`no enclosing block ${label}`);
    }
    return this.level - 1 - level;
  }
}
