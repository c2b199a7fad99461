/**
 * Flags handed from block to block, and from region to region, without being computed: two operands, and a number that
 * says how they were combined. Loops set flags in every turn that nobody reads; only where they are read, or no further
 * region follows, are they worked out.
 */
import { stateOffsets } from '../../machine/processor-state';
import type { Width } from '../ir/ir';
import { runOffsets } from '../memory-map';
import type { FunctionBody } from '../wasm/function-body';
import { op } from '../wasm/opcodes';
import type { DeferredEffect, DueFlags } from './pending-flags';

/** Bits that flags worked out do not use in `flagCarries`. */
const isDue = 0x10000;
const isSubtraction = 0x20000;
/** From this bit: by how much a result is shifted to fill 64 bits. */
const shiftAt = 18;

/** WebAssembly locals; while flags are due, the first two hold the operand `a` and the kind. */
export interface DueFlagLocals {
  readonly flagResult: number;
  readonly flagCarries: number;
  readonly dueB: number;
}

/** How flags are handed over; undefined where they have to be worked out. */
export function dueFlagsOf(effect: DeferredEffect, width: Width): DueFlags | undefined {
  const kind = isDue | ((64 - width) << shiftAt);
  switch (effect.kind) {
    case 'add':
      return effect.withCarry ? undefined : { kind, a: effect.a, b: effect.b };
    case 'sub':
      return effect.withCarry
        ? undefined
        : { kind: kind | isSubtraction, a: effect.a, b: effect.b };
    case 'logic':
      // Like adding 0: no carries.
      return { kind, a: effect.result, b: undefined };
    case 'given':
      return undefined;
  }
}

/** Works out flags that a region has left due in the state; everyone but regions wants them so. */
export function emitDueFlagsOfState(body: FunctionBody, vpBase: number): void {
  const locals = {
    flagResult: body.addLocal('i64'),
    flagCarries: body.addLocal('i32'),
    dueB: body.addLocal('i64'),
  };
  body.get(vpBase).memory(op.i32Load, stateOffsets.flagCarries).tee(locals.flagCarries);
  body.i32(isDue).op(op.i32And).if();
  body.get(vpBase).memory(op.i64Load, stateOffsets.flagResult).set(locals.flagResult);
  body.get(vpBase).memory(op.i64Load, runOffsets.dueB).set(locals.dueB);
  emitDueFlags(body, locals, body.addLocal('i64'));
  body.get(vpBase).get(locals.flagResult).memory(op.i64Store, stateOffsets.flagResult);
  body.get(vpBase).get(locals.flagCarries).memory(op.i32Store, stateOffsets.flagCarries);
  body.end();
}

/** Works due flags out. With x = a, or ~a for a subtraction, both have the carries of x + b. */
export function emitDueFlags(body: FunctionBody, locals: DueFlagLocals, scratch: number): void {
  const { dueB, flagResult, flagCarries } = locals;
  const inversion = (): void => {
    body.get(flagCarries).i32(isSubtraction).op(op.i32And).op(op.i64ExtendI32U);
    body
      .i64(BigInt(32 + Math.clz32(isSubtraction)))
      .op(op.i64Shl)
      .i64(63n)
      .op(op.i64ShrS);
  };
  const shift = (): void => {
    body.get(flagCarries).i32(shiftAt).op(op.i32ShrU).op(op.i64ExtendI32U);
  };
  body.get(flagCarries).i32(isDue).op(op.i32And).if();
  body.get(flagResult);
  inversion();
  body.op(op.i64Xor).tee(flagResult).get(dueB).op(op.i64Add).set(scratch);
  // The carries first; the result replaces `a` after them.
  body.get(flagResult).get(dueB).op(op.i64And);
  body.get(flagResult).get(dueB).op(op.i64Or).get(scratch).i64(-1n).op(op.i64Xor).op(op.i64And);
  body.op(op.i64Or).set(flagResult);
  body.get(flagResult);
  shift();
  body.op(op.i64Shl).i64(32n).op(op.i64ShrU).op(op.i32WrapI64).i32(0xc0000000).op(op.i32And);
  body.get(flagResult).op(op.i32WrapI64).i32(8).op(op.i32And).op(op.i32Or);
  body.get(scratch);
  inversion();
  body.op(op.i64Xor);
  shift();
  body.op(op.i64Shl);
  shift();
  body.op(op.i64ShrS).set(flagResult);
  body.set(flagCarries);
  body.end();
}
