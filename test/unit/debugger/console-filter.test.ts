// Guest consoles are hostile: what comes out is harmless, bounded and says what is missing.
import assert from 'node:assert/strict';
import { ConsoleFilter } from '../../../debug-adapter/debugger/console-filter';

const generous = { lineLength: 80, linesPerSecond: 1000, charactersPerSecond: 100_000 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('console filter', () => {
  const shown: readonly (readonly [title: string, input: Uint8Array, output: string])[] = [
    ['plain text', bytes('Hello\n'), 'Hello\n'],
    ['tabs', bytes('a\tb\n'), 'a\tb\n'],
    ['other scripts', bytes('Grüße, 世界 🙂\n'), 'Grüße, 世界 🙂\n'],
    ['escape sequences', bytes('\u001b[31mred\u001b]0;title\u0007'), '␛[31mred␛]0;title␇'],
    ['clearing the screen', bytes('\u001bc'), '␛c'],
    ['CR LF as one line end', bytes('a\r\nb'), 'a\nb'],
    ['a lone CR', bytes('secret\rpublic'), 'secret␍public'],
    ['two CRs', bytes('a\r\r\n'), 'a␍\n'],
    ['backspace and delete', bytes('a\b\u007f'), 'a␈␡'],
    ['C1 controls', bytes('\u009b31m'), '\\x9b31m'],
    ['text direction', bytes('a\u202eb'), 'a\\u{202e}b'],
    ['malformed UTF-8', Uint8Array.from([0x61, 0xff, 0xc3, 0x28]), 'a\ufffd\ufffd('],
    [
      'overlong and surrogate encodings',
      Uint8Array.from([0xc0, 0x80, 0xed, 0xa0, 0x80]),
      '\ufffd\ufffd\ufffd',
    ],
    ['zero', Uint8Array.from([0]), '␀'],
  ];
  for (const [title, input, output] of shown) {
    it(`shows ${title}`, () => {
      assert.equal(new ConsoleFilter(generous).accept(input, 0), output);
    });
  }

  it('joins a character that comes in pieces', () => {
    const filter = new ConsoleFilter(generous);
    const text = [...bytes('世')].map((byte) => filter.accept(Uint8Array.of(byte), 0)).join('');
    assert.equal(text, '世');
  });

  it('breaks long lines', () => {
    const output = new ConsoleFilter(generous).accept(bytes('x'.repeat(200)), 0);
    assert.deepEqual(
      output.split('\n').map((line) => line.length),
      [80, 80, 40],
    );
  });

  it('drops what comes too fast, and says how much', () => {
    const filter = new ConsoleFilter({ ...generous, linesPerSecond: 10 });
    const first = filter.accept(bytes('line\n'.repeat(100)), 0);
    assert.equal(first, 'line\n'.repeat(10));
    const second = filter.accept(bytes('again\n'), 1500);
    assert.equal(second, '[450 characters were dropped: the guest prints too fast]\nagain\n');
  });

  it('says at the end what was dropped, and what bytes were lost before it', () => {
    const filter = new ConsoleFilter({ ...generous, charactersPerSecond: 3 });
    assert.equal(filter.accept(bytes('abcdef'), 0), 'abc');
    assert.equal(filter.finish(), '\n[3 characters were dropped: the guest prints too fast]\n');
    assert.equal(filter.noteLost(7), '[7 bytes of console output were lost]\n');
    assert.equal(filter.noteLost(0), '');
  });
});
