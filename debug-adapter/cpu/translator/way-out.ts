/**
 * Ways out of a region to places near its page: each sets one number and branches to the label `leave`, where all go on
 * together. A region has a way out for every access to memory.
 */
import { op } from '../wasm/opcodes';
import type { FunctionBody } from '../wasm/function-body';

/** Steps that were taken from the budget and not made are above the page offset to go on at. */
const unexecutedAt = 16;

/** Levels of the blocks around the whole of a region: what follows each is the end of all ways, and of these. */
export const labels = { exit: 0, leave: 1 } as const;

/** Whether a page offset fits into what the label `leave` is given. */
export function isNear(offset: number): boolean {
  return offset >= -0x8000 && offset < 0x8000;
}

/** What the label `leave` is given. */
export function wayOut(offset: number, unexecuted: number): number {
  return (unexecuted << unexecutedAt) | (offset & 0xffff);
}

/** Locals of a region: `leaving` holds the way out, the others get what it means. */
export interface WayOutLocals {
  readonly leaving: number;
  readonly ipBase: number;
  readonly exitIp: number;
  readonly budget: number;
}

/** The code at the end of the block `leave`. */
export function emitWayOut(body: FunctionBody, locals: WayOutLocals): void {
  const { leaving, ipBase, exitIp, budget } = locals;
  body.get(ipBase).get(leaving).op(op.i32Extend16S).op(op.i64ExtendI32S).op(op.i64Add);
  body.set(exitIp);
  body.get(budget).get(leaving).i32(unexecutedAt).op(op.i32ShrU).op(op.i32Add).set(budget);
}
