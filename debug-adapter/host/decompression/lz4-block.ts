/** The decoder of blocks of LZ4 (lz4_Block_format.md) as a WebAssembly function. */
import { FunctionBody } from '../../cpu/wasm/function-body';
import { op } from '../../cpu/wasm/opcodes';
import { once } from '../../support/once';
import { compileDecoder, DecoderMemory } from './decoder-memory';
import { copyLocals, emitCopy, emitMatchCopy } from './match-copy';
import { PackedDataError } from './packed-data-error';

const minimumMatch = 4;
const lengthEscape = 15;

/** Where the function leaves how far it has come. */
const variable = { input: 0, output: 4 } as const;
const inputStart = 16;

/** What the function returns. */
const outcome = { ended: 0, paused: 1, damaged: 2 } as const;

/** So often the function returns: the engine replaces it by optimized code where it is called the next time. */
const bytesOfCall = 0x20000;
/** How far back a match may lead, and a little more. */
const historyBytes = 0x10000;
/** Parts of the output begin and end at pages of it, as memory does that they are put into. */
const partUnit = 4096;

class BlockFunction {
  readonly body = new FunctionBody(['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32']);
  private readonly parameter = {
    input: 0,
    inputEnd: 1,
    output: 2,
    pauseAt: 3,
    blockStart: 4,
    outputEnd: 5,
    isUsed: 6,
  } as const;
  private readonly token = this.body.addLocal('i32');
  private readonly count = this.body.addLocal('i32');
  private readonly byte = this.body.addLocal('i32');
  private readonly distance = this.body.addLocal('i32');
  private readonly copy = copyLocals(this.body, this.parameter.output);

  /** A sequence is a token, literals, and a match; the last one has no match. */
  constructor() {
    const { body, token, count, distance, copy } = this;
    const { input, inputEnd, output, pauseAt, blockStart, isUsed } = this.parameter;
    body.block('left').block('damaged').block('paused').block('ended').loop('sequence');
    body.get(output).get(pauseAt).op(op.i32GeU).brIf('paused');
    body.get(input).get(inputEnd).op(op.i32GeU).brIf('damaged');
    body.get(input).memory(op.i32Load8U, 0).set(token);
    this.advance(1);
    body.get(token).i32(4).op(op.i32ShrU).tee(count).if();
    this.emitLongLength();
    body.get(count).get(inputEnd).get(input).op(op.i32Sub).op(op.i32GtU).brIf('damaged');
    this.emitRoomCheck();
    body.get(input).set(copy.from);
    body.get(input).get(count).op(op.i32Add).set(input);
    emitCopy(body, copy);
    body.end();
    body.get(input).get(inputEnd).op(op.i32Eq).brIf('ended');
    body.get(inputEnd).get(input).op(op.i32Sub).i32(2).op(op.i32LtU).brIf('damaged');
    body.get(input).memory(op.i32Load16U, 0).set(distance);
    this.advance(2);
    body.get(token).i32(lengthEscape).op(op.i32And).set(count);
    this.emitLongLength();
    body.get(count).i32(minimumMatch).op(op.i32Add).set(count);
    // A distance of 0 becomes the largest number.
    body.get(distance).i32(1).op(op.i32Sub);
    body.get(output).get(blockStart).op(op.i32Sub).op(op.i32GeU).brIf('damaged');
    this.emitRoomCheck();
    emitMatchCopy(body, distance, copy, isUsed);
    body.br('sequence').end();
    this.emitLeave(outcome.ended);
    this.emitLeave(outcome.paused);
    this.emitLeave(outcome.damaged);
    body.end();
    body.i32(variable.input).get(input).memory(op.i32Store, 0);
    body.i32(variable.output).get(output).memory(op.i32Store, 0);
    body.get(count);
  }

  private emitLeave(value: number): void {
    this.body.end().i32(value).set(this.count).br('left');
  }

  private advance(bytes: number): void {
    const { input } = this.parameter;
    this.body.get(input).i32(bytes).op(op.i32Add).set(input);
  }

  /** The escape is followed by bytes to add; the last one is not 255. No sum exceeds what there is room for by much. */
  private emitLongLength(): void {
    const { body, count, byte } = this;
    const { input, inputEnd, outputEnd } = this.parameter;
    body.get(count).i32(lengthEscape).op(op.i32Eq).if().loop('more');
    body.get(input).get(inputEnd).op(op.i32GeU).brIf('damaged');
    body.get(input).memory(op.i32Load8U, 0).tee(byte).get(count).op(op.i32Add).tee(count);
    body.get(outputEnd).op(op.i32GtU).brIf('damaged');
    this.advance(1);
    body.get(byte).i32(255).op(op.i32Eq).brIf('more').end().end();
  }

  /** Sets the end of the copy. */
  private emitRoomCheck(): void {
    const { body, count, copy } = this;
    const { output, outputEnd } = this.parameter;
    body.get(count).get(outputEnd).get(output).op(op.i32Sub).op(op.i32GtU).brIf('damaged');
    body.get(output).get(count).op(op.i32Add).set(copy.end);
  }
}

const blockModule = once(() => compileDecoder(new BlockFunction().body));

/** Decodes blocks, each on its own, into one output. */
export class Lz4BlockDecoder {
  private readonly memory: DecoderMemory;
  /** Whether there has been another output where the next goes. */
  private isUsed = false;

  /** @param blockBytesMax longest block */
  constructor(blockBytesMax: number, limitBytes: number) {
    this.memory = new DecoderMemory(blockModule(), inputStart, blockBytesMax, limitBytes);
  }

  /**
   * Appends a block to the output.
   * @param unpackedBytesMax what blocks have at most
   * @throws PackedDataError
   */
  decode(block: Uint8Array, unpackedBytesMax: number): void {
    const { memory } = this;
    const blockStart = memory.end;
    const inputEnd = memory.provide(block);
    const outputEnd = memory.reserveAtMost(unpackedBytesMax);
    for (let input: number | undefined = inputStart; input !== undefined;) {
      input = this.decodePart(input, inputEnd, blockStart, outputEnd);
    }
  }

  get output(): Uint8Array {
    return this.memory.output;
  }

  /**
   * The output of a block in whole pages, the last one as it is: each is good until the next is asked for. Only what
   * matches may lead back to stays in the decoder, in memory that the processor has at hand.
   * @throws PackedDataError
   */
  *parts(block: Uint8Array, unpackedBytesMax: number): Generator<Uint8Array> {
    const { memory } = this;
    memory.restart();
    const inputEnd = memory.provide(block);
    let given = memory.outputStart;
    let left = unpackedBytesMax;
    for (let input: number | undefined = inputStart; input !== undefined;) {
      const outputEnd = memory.reserveAtMost(left);
      const before = memory.end;
      // What was there before the history is gone, and no match leads so far.
      input = this.decodePart(input, inputEnd, memory.outputStart, outputEnd);
      left -= memory.end - before;
      const rest = input === undefined ? 0 : memory.length % partUnit;
      yield memory.bytes(given, memory.end - rest);
      this.isUsed = true;
      const next = memory.end - rest;
      given = next - memory.forgetBefore(next - historyBytes, partUnit);
    }
  }

  /** @returns where the input goes on; undefined at its end */
  private decodePart(
    input: number,
    inputEnd: number,
    blockStart: number,
    outputEnd: number,
  ): number | undefined {
    const { memory } = this;
    const output = memory.end;
    const pauseAt = output + bytesOfCall;
    const isUsed = Number(this.isUsed);
    const end = memory.decode(input, inputEnd, output, pauseAt, blockStart, outputEnd, isUsed);
    if (end === outcome.damaged) {
      throw new PackedDataError('a block is damaged, or unpacks to more than allowed');
    }
    memory.end = memory.word(variable.output);
    return end === outcome.ended ? undefined : memory.word(variable.input);
  }
}
