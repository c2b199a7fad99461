// The consoles of several guests in one stream.
import assert from 'node:assert/strict';
import { NamedLines } from '../../../debug-adapter/debugger/named-lines';

describe('lines of several guests', () => {
  const rows: readonly (readonly [
    title: string,
    pieces: readonly (readonly [name: string, text: string])[],
    shown: string,
    left: string,
  ])[] = [
    ['a line', [['a', 'one\n']], '[a] one\n', ''],
    ['two lines at once', [['a', 'one\ntwo\n']], '[a] one\n[a] two\n', ''],
    ['an empty line', [['a', '\n']], '[a] \n', ''],
    ['half a line', [['a', 'login: ']], '', '[a] login: \n'],
    [
      'lines that are written at the same time',
      [
        ['a', 'on'],
        ['b', 'tw'],
        ['a', 'e\n'],
        ['b', 'o\nthree'],
      ],
      '[a] one\n[b] two\n',
      '[b] three\n',
    ],
  ];
  for (const [title, pieces, shown, left] of rows) {
    it(`show ${title}`, () => {
      const lines = new NamedLines();
      const text = pieces.map(([name, piece]) => lines.accept(name, piece)).join('');
      assert.deepEqual([text, lines.flush(), lines.flush()], [shown, left, '']);
    });
  }
});
