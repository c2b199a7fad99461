// The interpreter's hot function: what is in it, and that it stays as small as the better register allocator wants.
import assert from 'node:assert/strict';
import { hotVariants, warmVariants } from '../../../../debug-adapter/cpu/decode/hot-variants';
import { VariantTable } from '../../../../debug-adapter/cpu/decode/variants';
import { firstHandler } from '../../../../debug-adapter/cpu/interpreter/record';
import { interpreterModule } from '../../../../debug-adapter/cpu/processor-core-factory';
import { readModule } from '../../../support/emitted-code/module-reader';

/**
 * Bytes of WebAssembly. With 37,300 V8 (of Node 20, x64) goes over to its other allocator, with 36,200 not yet:
 * `--print-wasm-code` then shows the same code as with `--no-turbo-use-mid-tier-regalloc-for-huge-functions`.
 */
const hotFunctionMax = 36_000;

describe('hot function of the interpreter', () => {
  const { groups } = new VariantTable(firstHandler);
  const groupOf = new Map(groups.flat().map(({ name, group }) => [name, group]));

  for (const [group, names] of [
    ['hot', hotVariants],
    ['warm', warmVariants],
  ] as const) {
    it(`has a variant for each name that is listed as ${group}`, () => {
      assert.deepEqual(
        [...names].filter((name) => groupOf.get(name) !== group),
        [],
      );
    });
  }

  it('is small enough for the better register allocator', () => {
    const [hot] = readModule(interpreterModule(64)).functions;
    const first = hot?.instructions[0]?.at ?? 0;
    const last = hot?.instructions.at(-1)?.at ?? Infinity;
    assert.ok(last - first <= hotFunctionMax, `${last - first} bytes`);
  });
});
