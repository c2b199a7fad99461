// What a guest may send to a real terminal.
import assert from 'node:assert/strict';
import { TerminalFilter } from '../../../debug-adapter/debugger/terminal-filter';
import { SeededRandom } from '../../support/seeded-random';

const rows: readonly (readonly [string, string, string])[] = [
  ['text and line ends', 'a\r\nb\tc\b', 'a\r\nb\tc\b'],
  ['UTF-8', 'grün ✓', 'grün ✓'],
  ['colours', '\x1b[1;32mok\x1b[0m', '\x1b[1;32mok\x1b[0m'],
  ['cursor movement and erasure', '\x1b[2J\x1b[H\x1b[6n\x1b[K', '\x1b[2J\x1b[H\x1b[6n\x1b[K'],
  ['a question mark mode', '\x1b[?2004h', '\x1b[?2004h'],
  ['save and restore', '\x1b7\x1b8', '\x1b7\x1b8'],
  ['a window title', 'a\x1b]0;owned\x07b', 'ab'],
  ['the clipboard', 'a\x1b]52;c;YQ==\x1b\\b', 'ab'],
  ['a device control string', 'a\x1bP1$r\x1b\\b', 'ab'],
  ['window reports', 'a\x1b[21tb', 'ab'],
  ['media copy', 'a\x1b[5ib', 'ab'],
  ['NUL, DEL and other controls', 'a\x00\x7f\x01b', 'ab'],
  ['a control sequence without ESC', 'a\u009d0;owned\u009cb\u00a9', 'a0;ownedb\u00a9'],
  ['two escapes', '\x1b\x1b[mx', '\x1b[mx'],
  ['an endless sequence', `\x1b[${'1;'.repeat(60)}mx`, `${'1;'.repeat(60)}mx`.slice(63)],
];

describe('terminal filter', () => {
  for (const [name, input, expected] of rows) {
    it(`${name}: all at once and byte by byte`, () => {
      const bytes = Buffer.from(input);
      assert.equal(Buffer.from(new TerminalFilter().accept(bytes)).toString(), expected);
      const filter = new TerminalFilter();
      const parts = [...bytes].map((byte) => Buffer.from(filter.accept(Uint8Array.of(byte))));
      assert.equal(Buffer.concat(parts).toString(), expected);
    });
  }

  it('never passes a string control, whatever comes', () => {
    const seed = Number(process.env.TERMINAL_SEED ?? 7);
    const random = new SeededRandom(seed);
    const alphabet = [0x1b, 0x5b, 0x5d, 0x50, 0x5c, 0x07, 0x6d, 0x74, 0x31, 0x3b, 0x41, 0x00];
    const filter = new TerminalFilter();
    const input = Uint8Array.from({ length: 100_000 }, () => random.pick(alphabet));
    const output = Buffer.from(filter.accept(input)).toString('latin1');
    assert.doesNotMatch(output, /\x1b[\]P^_X]/, `seed ${seed}`);
  });
});
