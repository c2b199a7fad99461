/** Lowers accesses to many bytes at once: the bulk instructions of WebAssembly, and a loop where they do not fit. */
import type { Width } from '../ir/ir';
import type { FunctionBody } from '../wasm/function-body';
import { op, opFc } from '../wasm/opcodes';
import { storeOpcodes } from './opcodes';

const memoryIndex = 0;

/** @param pushOperands pushes destination, source and number of bytes, each an i32 */
export function copyMemory(body: FunctionBody, pushOperands: () => void): void {
  pushOperands();
  body.bytes([op.prefixFc, opFc.memoryCopy, memoryIndex, memoryIndex]);
}

/** What a fill is made of; pushed more than once. */
export interface Fill {
  readonly width: Width;
  readonly pushTo: () => void;
  /** A multiple of the width, and not zero. */
  readonly pushBytes: () => void;
  /** Holds the value, an i64, zero-extended from the width. */
  readonly value: number;
  /** An i32 that is free. */
  readonly scratch: number;
}

/** A value whose bytes are all equal is filled by the engine, another one is stored in a loop. */
export function fillMemory(body: FunctionBody, fill: Fill): void {
  const { width, value } = fill;
  if (width === 8) return fillBytes(body, fill);
  const ones = 0x0101010101010101n >> BigInt(64 - width);
  body.get(value).i64(0xffn).op(op.i64And).i64(ones).op(op.i64Mul);
  body.get(value).op(op.i64Eq).if();
  fillBytes(body, fill);
  body.else();
  storeBackwards(body, fill);
  body.end();
}

function fillBytes(body: FunctionBody, { pushTo, pushBytes, value }: Fill): void {
  pushTo();
  body.get(value).op(op.i32WrapI64);
  pushBytes();
  body.bytes([op.prefixFc, opFc.memoryFill, memoryIndex]);
}

function storeBackwards(body: FunctionBody, fill: Fill): void {
  const { width, pushTo, pushBytes, value, scratch } = fill;
  pushBytes();
  body.set(scratch).loop('fill');
  body
    .get(scratch)
    .i32(width / 8)
    .op(op.i32Sub)
    .tee(scratch);
  pushTo();
  body.op(op.i32Add).get(value).memory(storeOpcodes[width], 0);
  body.get(scratch).brIf('fill').end();
}
