/** Emits what decoders of LZ77 end in: the copy of a match, which may overlap what it writes, in fresh memory. */
import type { FunctionBody } from '../../cpu/wasm/function-body';
import { op, opFc, opFd } from '../../cpu/wasm/opcodes';

/** Locals of a copy; it moves `from` and `to`, and leaves `to` at `end`. */
export interface CopyLocals {
  readonly from: number;
  readonly to: number;
  readonly end: number;
}

/** Locals of the copies to where an output stands. */
export function copyLocals(body: FunctionBody, to: number): CopyLocals {
  return { from: body.addLocal('i32'), to, end: body.addLocal('i32') };
}

const wideBytes = 16;

/** One load and one store after the other, until the copy has reached its end or gone a little beyond. */
function emitSteps(
  body: FunctionBody,
  { from, to, end }: CopyLocals,
  width: 1 | 8 | typeof wideBytes,
): void {
  const label = `copy ${width}`;
  body.loop(label).get(to).get(from);
  if (width === 1) body.memory(op.i32Load8U, 0).memory(op.i32Store8, 0);
  else if (width === 8) body.memory(op.i64Load, 0).memory(op.i64Store, 0);
  else body.simdMemory(opFd.v128Load, 0).simdMemory(opFd.v128Store, 0);
  body.get(from).i32(width).op(op.i32Add).set(from);
  body.get(to).i32(width).op(op.i32Add).tee(to);
  body.get(end).op(op.i32LtU).brIf(label).end();
  body.get(end).set(to);
}

/** Copies at least one byte; up to 15 more are written behind the end. */
export function emitCopy(body: FunctionBody, locals: CopyLocals): void {
  emitSteps(body, locals, wideBytes);
}

/**
 * Writes a run of the byte at `from`. Of zeros only so many as another copy may have written over where the memory is
 * fresh: one that is filled once from its start is zero, and what is not touched costs the host nothing.
 */
function emitRun(body: FunctionBody, { from, to, end }: CopyLocals, isUsed?: number): void {
  body.get(to).get(from).memory(op.i32Load8U, 0).tee(from);
  body.get(end).get(to).op(op.i32Sub).i32(wideBytes);
  body.get(end).get(to).op(op.i32Sub).i32(wideBytes).op(op.i32LtU).get(from).op(op.i32Or);
  if (isUsed !== undefined) body.get(isUsed).op(op.i32Or);
  body.op(op.select).op(op.prefixFc).bytes([opFc.memoryFill, 0]);
  body.get(end).set(to);
}

/**
 * Copies at least one byte from `distance` bytes back, with up to 15 more behind the end.
 * @param isUsed local that is not 0 where the output may go over an earlier one; absent where it never does
 */
export function emitMatchCopy(
  body: FunctionBody,
  distance: number,
  locals: CopyLocals,
  isUsed?: number,
): void {
  const { from, to } = locals;
  body.get(to).get(distance).op(op.i32Sub).set(from);
  body.get(distance).i32(wideBytes).op(op.i32GeU).if();
  emitSteps(body, locals, wideBytes);
  body.else().get(distance).i32(8).op(op.i32GeU).if();
  emitSteps(body, locals, 8);
  body.else().get(distance).i32(1).op(op.i32Eq).if();
  emitRun(body, locals, isUsed);
  body.else();
  emitSteps(body, locals, 1);
  body.end().end().end();
}
