// Symbols and lines of the sample guests, and images that lie.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { MemoryFileSource } from '../../../../debug-adapter/backends/file-source';
import { readDwarfLines } from '../../../../debug-adapter/debugger/symbols/dwarf-line';
import {
  normalizePath,
  SourcePaths,
} from '../../../../debug-adapter/debugger/symbols/source-paths';
import { rangesOfBytes } from '../../../../debug-adapter/debugger/symbols/elf64';
import {
  indexElf,
  type SymbolIndex,
} from '../../../../debug-adapter/debugger/symbols/symbol-index';
import { UserError } from '../../../../debug-adapter/support/user-error';

const folder = new URL('../../../../guests/hello-partition/', import.meta.url);
const image = new Uint8Array(readFileSync(new URL('hello-partition.elf', folder)));
const lines = readFileSync(new URL('hello-partition.s', folder), 'utf8').split('\n');
const file = 'guests/hello-partition/hello-partition.s';

function lineOf(text: string): number {
  return lines.findIndex((line) => line.includes(text)) + 1;
}

const indexSymbols = (bytes: Uint8Array, path: string): SymbolIndex =>
  indexElf(rangesOfBytes(path, bytes));

describe('symbol index', () => {
  const symbols = indexSymbols(image, 'hello');

  it('knows names by address and addresses by name', () => {
    assert.equal(symbols.addressOf('_start'), 0x100000n);
    assert.equal(symbols.nameOf(0x100000n), '_start');
    assert.equal(symbols.nameOf(0x100003n), '_start+0x3');
    assert.equal(symbols.nameOf(0xfffn), undefined);
  });

  it('does not name data by the code before it', () => {
    const name = symbols.nameOf(0x101000n) ?? '';
    assert.ok(!name.startsWith('print_hex'), name);
  });

  it('knows the line of an address and the addresses of a line', () => {
    const line = lineOf('xor     ebp, ebp');
    assert.equal(symbols.placeAt(0x100000n)?.line, line);
    assert.deepEqual(symbols.placeLine(file, line), { line, addresses: [0x100000n] });
    assert.deepEqual(symbols.placeLine(file, 1), { line, addresses: [0x100000n] });
    assert.equal(symbols.placeLine(file, 99_999), undefined);
    assert.equal(symbols.placeLine('other.s', 1), undefined);
    assert.equal(symbols.placeAt(0x500000n), undefined);
  });

  it('places a macro with several instructions once', () => {
    assert.equal(symbols.placeLine(file, lineOf('say     "Hello'))?.addresses.length, 1);
  });

  it('knows instruction boundaries', () => {
    const boundaries = symbols.boundariesBetween(0x100000n, 0x100010n);
    assert.deepEqual(boundaries.slice(0, 2), [0x100000n, 0x100002n]);
  });

  it('refuses or survives every damaged byte of an image', () => {
    for (let at = 0; at < image.length; at += 7) {
      const damaged = image.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      try {
        const index = indexSymbols(damaged, 'damaged');
        index.nameOf(0x100000n);
        index.placeAt(0x100000n);
      } catch (error) {
        assert.ok(error instanceof UserError, `byte ${at}: ${String(error)}`);
      }
    }
  });

  it('refuses or survives every truncation of an image', () => {
    for (let length = 0; length < image.length; length += 61) {
      try {
        indexSymbols(image.slice(0, length), 'short');
      } catch (error) {
        assert.ok(error instanceof UserError, `length ${length}: ${String(error)}`);
      }
    }
  });
});

/** A version 2 program: include folder "d", file "a.s", then `program`. */
function version2(program: readonly number[]): Uint8Array {
  const text = (value: string): number[] =>
    [...value].map((letter) => letter.charCodeAt(0)).concat(0);
  const tables = [...text('d'), 0, ...text('a.s'), 1, 0, 0, 0];
  const standard = [0, 1, 1, 1, 1, 0, 0, 0, 1];
  const rest = [1, 1, 0xfb, 14, 10, ...standard, ...tables];
  const body = [2, 0, rest.length, 0, 0, 0, ...rest, ...program];
  return Uint8Array.from([body.length, 0, 0, 0, ...body]);
}

describe('line programs', () => {
  const none = { lineStrings: new Uint8Array(0), strings: new Uint8Array(0) };
  const setAddress = [0, 9, 2, 0x00, 0x10, 0, 0, 0, 0, 0, 0];
  const end = [0, 1, 1];

  it('run special, standard and extended opcodes', () => {
    // Line 1 at 0x1000; special opcode: +1 address, +1 line; advance 4; copy; const_add_pc; copy.
    const special = 10 + 14 + (1 + 5);
    const program = [...setAddress, 1, special, 2, 4, 3, 0x7f, 1, 8, 1, 9, 2, 0, ...end];
    const table = readDwarfLines({ line: version2(program), ...none });
    assert.deepEqual(table.problems, []);
    assert.deepEqual(table.files, ['d/a.s']);
    assert.deepEqual(
      table.rows.map((row) => [Number(row.address), row.line, row.endSequence]),
      [
        [0x1000, 1, false],
        [0x1001, 2, false],
        [0x1005, 1, false],
        [0x1016, 1, false],
        [0x1018, 1, true],
      ],
    );
  });

  const damaged: readonly (readonly [title: string, bytes: Uint8Array, problem: RegExp])[] = [
    ['a length behind the end', Uint8Array.from([255, 0, 0, 0, 2, 0]), /cut off/],
    ['an unknown version', Uint8Array.from([4, 0, 0, 0, 9, 0, 0, 0]), /version 9/],
    ['a header that is cut', Uint8Array.from([8, 0, 0, 0, 2, 0, 200, 0, 0, 0, 1, 1]), /damaged/],
  ];
  for (const [title, bytes, problem] of damaged) {
    it(`report ${title}`, () => {
      const table = readDwarfLines({ line: bytes, ...none });
      assert.match(table.problems.join(), problem);
    });
  }
});

describe('source paths', () => {
  const files = new MemoryFileSource(
    new Map(
      ['/work-tree/guests/a/a.s', '/work-tree/guests/a/b.inc'].map((path) => [
        path,
        new Uint8Array(0),
      ]),
    ),
  );

  it('are found beside the program and above it', () => {
    const paths = new SourcePaths(
      ['guests/a/a.s', 'x/b.inc'],
      [],
      '/work-tree/guests/a/a.elf',
      files,
    );
    assert.equal(paths.localOf('guests/a/a.s'), '/work-tree/guests/a/a.s');
    assert.equal(paths.localOf('x/b.inc'), '/work-tree/guests/a/b.inc');
    assert.equal(paths.recordedOf('/work-tree/guests/a/a.s'), 'guests/a/a.s');
  });

  it('follow the source map', () => {
    const rules = [{ from: 'guests', to: '/elsewhere' }];
    const paths = new SourcePaths(['guests/a/a.s'], rules, '/p/a.elf', files);
    assert.equal(paths.localOf('guests/a/a.s'), '/elsewhere/a/a.s');
  });

  it('are matched by name where only one file has it', () => {
    const paths = new SourcePaths(['one/a.s', 'two/b.s', 'three/b.s'], [], '/p/a.elf', files);
    assert.equal(paths.recordedOf('/any/where/a.s'), 'one/a.s');
    assert.equal(paths.recordedOf('/any/where/b.s'), undefined);
  });

  const normal: readonly (readonly [path: string, result: string])[] = [
    ['/a/./b/../c', '/a/c'],
    ['/../a', '/a'],
    ['c:\\x\\y.s', 'C:/x/y.s'],
    ['a//b', 'a/b'],
    ['../a', '../a'],
  ];
  for (const [path, result] of normal) {
    it(`normalize ${path}`, () => assert.equal(normalizePath(path), result));
  }
});
