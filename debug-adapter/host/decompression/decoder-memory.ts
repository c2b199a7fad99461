/** The memory of a decoder that is a WebAssembly function: its own variables, the input of one call, all of the output. */
import type { FunctionBody } from '../../cpu/wasm/function-body';
import { buildModule } from '../../cpu/wasm/module-builder';
import { optimizedModule } from '../native-code';
import { PackedDataError } from './packed-data-error';

const pageBytes = 0x10000;
const pagesMax = 0x10000;
/** Room for output from the start: memory that nothing is written to costs the host nothing, unlike growing. */
const firstRoomBytes = 96 * 1024 * 1024;

/**
 * What decoders may read and write behind input and output: they copy 16 bytes at a time, and meet the end of damaged
 * input late.
 */
const slackBytes = 256;

/** The module of a decoder; optimized at once where that can be asked for, since most are called for one file. */
export function compileDecoder(body: FunctionBody): WebAssembly.Module {
  const bytes = buildModule([], [body], [0]);
  return optimizedModule(bytes) ?? new WebAssembly.Module(new Uint8Array(bytes));
}

/** What a decoder is called with: numbers that are its own affair, which are addresses in the memory for the most part. */
export type DecoderFunction = (...parameters: readonly number[]) => number;

export class DecoderMemory {
  private readonly memory: WebAssembly.Memory;
  readonly outputStart: number;
  private all: Uint8Array;
  readonly decode: DecoderFunction;
  /** Address behind the output so far. */
  end: number;

  /**
   * @param module exports the decoder as `f0`
   * @param inputStart address; what lies below is the decoder's
   * @param inputBytes longest input of one call
   * @param limitBytes more output than that is refused
   */
  constructor(
    module: WebAssembly.Module,
    readonly inputStart: number,
    inputBytes: number,
    private readonly limitBytes: number,
  ) {
    this.outputStart = Math.ceil((inputStart + inputBytes + slackBytes) / 16) * 16;
    this.end = this.outputStart;
    const initial = this.pagesFor(Math.min(limitBytes, firstRoomBytes));
    this.memory = new WebAssembly.Memory({ initial, maximum: pagesMax });
    this.all = new Uint8Array(this.memory.buffer);
    const { f0 } = new WebAssembly.Instance(module, { m: { memory: this.memory } }).exports;
    // The module is one of this folder's, and what it exports is a decoder.
    this.decode = f0 as unknown as DecoderFunction;
  }

  /** Bytes of output so far. */
  get length(): number {
    return this.end - this.outputStart;
  }

  /** The output so far; not to be kept over {@link reserve}. */
  get output(): Uint8Array {
    return this.bytes(this.outputStart, this.end);
  }

  /** Bytes from one address up to another; not to be kept over {@link reserve}. */
  bytes(from: number, end: number): Uint8Array {
    return this.all.subarray(from, end);
  }

  /**
   * Forgets output before an address, in whole units: what stays moves to where the output starts.
   * @returns by how many bytes
   */
  forgetBefore(address: number, unit: number): number {
    const distance = Math.max(0, Math.floor((address - this.outputStart) / unit) * unit);
    if (distance === 0) return 0;
    this.all.copyWithin(this.outputStart, this.outputStart + distance, this.end);
    this.end -= distance;
    return distance;
  }

  /** Forgets the output so far: the next goes over it. */
  restart(): void {
    this.end = this.outputStart;
  }

  /** Makes sure that so many bytes more have room. */
  reserve(count: number): void {
    if (this.length + count > this.limitBytes) {
      throw new PackedDataError(`it unpacks to more than ${this.limitBytes} bytes`);
    }
    this.grow(count);
  }

  /** Makes room for so many bytes more as far as the limit allows. @returns address behind the room */
  reserveAtMost(count: number): number {
    const allowed = Math.min(count, this.limitBytes - this.length);
    this.grow(allowed);
    return this.end + allowed;
  }

  /** Appends bytes as they are. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.all.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** Puts the input of the next call into its place. @returns address behind it */
  provide(input: Uint8Array): number {
    this.all.set(input, this.inputStart);
    return this.inputStart + input.length;
  }

  /** A variable of the decoder. */
  word(address: number): number {
    return new DataView(this.memory.buffer).getUint32(address, true);
  }

  /** Sets variables of 16 bits, from one address up to another. */
  fillHalfwords(from: number, to: number, value: number): void {
    new Uint16Array(this.memory.buffer, from, (to - from) / 2).fill(value);
  }

  private grow(count: number): void {
    const missing = this.pagesFor(count) - this.all.length / pageBytes;
    if (missing <= 0) return;
    this.memory.grow(missing);
    this.all = new Uint8Array(this.memory.buffer);
  }

  private pagesFor(count: number): number {
    return Math.ceil((this.end + count + slackBytes) / pageBytes);
  }
}
