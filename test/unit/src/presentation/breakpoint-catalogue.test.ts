// The catalogue of event breakpoints: the debugger takes every name that the editor offers.
import assert from 'node:assert/strict';
import { resolveNamedBreakpoint } from '../../../../debug-adapter/debugger/breakpoints/named-breakpoint';
import { SymbolIndex } from '../../../../debug-adapter/debugger/symbols/symbol-index';
import {
  breakpointCatalogue,
  catalogueGroup,
  entriesOf,
  typedEntries,
} from '../../../../src/presentation/breakpoint-catalogue';

describe('breakpoint catalogue', () => {
  for (const group of breakpointCatalogue) {
    it(`${group.title}: the debugger takes every name`, () => {
      assert(group.entries.length > 5);
      for (const { text } of entriesOf(group)) {
        const target = resolveNamedBreakpoint(text, SymbolIndex.empty);
        assert.equal(target.kind, 'event', `${text}: ${JSON.stringify(target)}`);
      }
    });
  }

  it('offers no name twice', () => {
    const texts = breakpointCatalogue.flatMap((group) => entriesOf(group).map(({ text }) => text));
    assert.equal(new Set(texts).size, texts.length);
  });

  it('offers the operations of a class below it, and none of another class', () => {
    const packets = catalogueGroup('packet');
    const textsOf = (name: string) =>
      packets?.entries.find(({ label }) => label === name)?.parts.map(({ text }) => text);
    assert.deepEqual(textsOf('shutdown'), [
      'packet:shutdown.Negotiate',
      'packet:shutdown.Shutdown',
    ]);
    assert(textsOf('scsi')?.includes('packet:scsi.ExecuteSrb'));
    assert.deepEqual(textsOf('smb'), []);
  });

  it('has what was typed and is in no list', () => {
    const ports = catalogueGroup('io');
    assert(ports !== undefined);
    const typed = typedEntries(ports, ['io:0xe9:w', 'io:COM1', 'msr:0x10', 'start_kernel']);
    assert.deepEqual(
      typed.map(({ label, text }) => [label, text]),
      [['0xe9:w', 'io:0xe9:w']],
    );
  });
});
