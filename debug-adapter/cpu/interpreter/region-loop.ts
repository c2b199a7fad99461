/**
 * Generates the loop that runs translated regions one after the other: where a region has left to an address at which
 * another one was entered before, that one goes on, without the interpreter in between (decision 26).
 */
import { stateOffsets } from '../../machine/processor-state';
import {
  jumpCacheEntries,
  jumpCacheEntryShift,
  jumpEntryOffsets,
  jumpSpreadShift,
  runOffsets,
} from '../memory-map';
import { emitDueFlagsOfState } from '../translator/due-flags';
import { FunctionBody } from '../wasm/function-body';
import { op } from '../wasm/opcodes';

/** The function `(vpBase, budget, slot, block, ip) → budget left`, unchanged where the first region made no progress. */
export function emitRegionLoop(): FunctionBody {
  const body = new FunctionBody(['i32', 'i32', 'i32', 'i32', 'i64'], ['i32']);
  const [vpBase, budget, slot, block, ip] = [0, 1, 2, 3, 4];
  const left = body.addLocal('i32');
  const entry = body.addLocal('i32');
  const findEntry = (): void => {
    body.get(ip).get(ip).i64(jumpSpreadShift).op(op.i64ShrU).op(op.i64Xor).op(op.i32WrapI64);
    body
      .i32(jumpCacheEntries - 1)
      .op(op.i32And)
      .i32(jumpCacheEntryShift)
      .op(op.i32Shl);
    body.get(vpBase).memory(op.i32Load, runOffsets.jumpCache).op(op.i32Add).set(entry);
  };
  const pushTag = (): void => {
    body.get(ip).get(vpBase).memory(op.i64Load, runOffsets.jumpEpoch).op(op.i64Xor);
  };
  // Whoever comes here from the interpreter has looked the region up by its address.
  findEntry();
  body.get(entry);
  pushTag();
  body.memory(op.i64Store, jumpEntryOffsets.tag);
  body.get(entry).get(slot).memory(op.i32Store, jumpEntryOffsets.slot);
  body.get(entry).get(block).memory(op.i32Store, jumpEntryOffsets.block);
  body.block('done').loop('next');
  body.get(vpBase).get(budget).get(block).get(slot).callIndirect().tee(left);
  body.get(budget).op(op.i32Eq).brIf('done');
  body.get(left).set(budget);
  body.get(vpBase).memory(op.i64Load, stateOffsets.rip).set(ip);
  findEntry();
  body.get(entry).memory(op.i64Load, jumpEntryOffsets.tag);
  pushTag();
  body.op(op.i64Ne).brIf('done');
  body.get(vpBase).get(ip).i64(-4096n).op(op.i64And).memory(op.i64Store, runOffsets.ipBase);
  body.get(entry).memory(op.i32Load, jumpEntryOffsets.slot).set(slot);
  body.get(entry).memory(op.i32Load, jumpEntryOffsets.block).set(block);
  body.br('next').end().end();
  emitDueFlagsOfState(body, vpBase);
  body.get(budget);
  return body;
}
