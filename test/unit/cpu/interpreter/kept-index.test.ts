/** The index of variants in the interpreter's module: a table made from it is the table that it was made of. */
import assert from 'node:assert/strict';
import { opcodeRows } from '../../../../debug-adapter/cpu/decode/opcode-rows';
import { VariantTable } from '../../../../debug-adapter/cpu/decode/variants';
import { addressingIndex } from '../../../../debug-adapter/cpu/ir/addressing';
import {
  variantIndexOf,
  withVariantIndex,
} from '../../../../debug-adapter/cpu/interpreter/kept-index';
import { firstHandler } from '../../../../debug-adapter/cpu/interpreter/record';
import { interpreterModule } from '../../../../debug-adapter/cpu/processor-core-factory';

const emptyModule = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

/** All that chooses among the variants of a row. */
const choices = Object.values(addressingIndex).flatMap((addressing) =>
  ([16, 32, 64] as const).flatMap((operandSize) =>
    (['reg', 'mem'] as const).flatMap((form) =>
      (['none', 'rep', 'repne'] as const).map((repeat) => ({
        ...{ addressing, operandSize, form, repeat },
      })),
    ),
  ),
);

describe('index of variants in the module of the interpreter', () => {
  const whole = new VariantTable(firstHandler);
  const index = variantIndexOf(interpreterModule(64));

  it('is what the table has', () => {
    assert.deepEqual(index, whole.index);
    assert.ok(whole.index.names.length > 2000);
  });

  it('gives every instruction its handler, and its meaning when it is asked for', () => {
    const kept = new VariantTable(firstHandler, undefined, index);
    let found = 0;
    for (const row of opcodeRows()) {
      for (const { addressing, operandSize, form, repeat } of choices) {
        const handler = whole.handlerOf(row, addressing, operandSize, form, repeat);
        const decoded = { row, operandSize, form, repeat };
        const meaning = whole.meaningOf(decoded, addressing);
        assert.equal(kept.handlerOf(row, addressing, operandSize, form, repeat), handler);
        assert.deepEqual(kept.meaningOf(decoded, addressing), meaning);
        if (handler === undefined) continue;
        found++;
        assert.equal(kept.handlerNamed(meaning?.name ?? ''), handler);
        assert.equal(kept.endsWithCount(handler), whole.endsWithCount(handler));
      }
    }
    assert.ok(found > 10_000, `${found} combinations`);
  });

  it('is missed where a module has none, or another custom section', () => {
    assert.equal(variantIndexOf(emptyModule), undefined);
    const other = Uint8Array.of(...emptyModule, 0, 3, 2, 0x6e, 0x6f);
    assert.equal(variantIndexOf(other), undefined);
    assert.deepEqual(variantIndexOf(withVariantIndex(other, whole.index)), whole.index);
  });
});
