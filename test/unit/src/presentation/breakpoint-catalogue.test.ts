// The catalogue of event breakpoints: the debugger takes every name that the editor offers.
import assert from 'node:assert/strict';
import { resolveNamedBreakpoint } from '../../../../debug-adapter/debugger/breakpoints/named-breakpoint';
import { SymbolIndex } from '../../../../debug-adapter/debugger/symbols/symbol-index';
import { breakpointCatalogue } from '../../../../src/presentation/breakpoint-catalogue';

describe('breakpoint catalogue', () => {
  for (const { title, everything, entries } of breakpointCatalogue) {
    it(`${title}: the debugger takes every name`, () => {
      assert(entries.length > 5);
      for (const { text } of [everything, ...entries]) {
        const target = resolveNamedBreakpoint(text, SymbolIndex.empty);
        assert.equal(target.kind, 'event', `${text}: ${JSON.stringify(target)}`);
      }
    });
  }

  it('offers no name twice', () => {
    const texts = breakpointCatalogue.flatMap(({ entries }) => entries.map(({ text }) => text));
    assert.equal(new Set(texts).size, texts.length);
  });
});
