/** Bundles with kept bytecode: they do what they do without, whatever has happened to the file. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { loadBundle, type BundleParameters } from '../../../debug-adapter/host/compiled-bundle';
import { KeptFiles } from '../../../debug-adapter/host/kept-files';

const limits = { files: 4, bytes: 1_000_000 };
const source = `(function (exports, require, module, __filename, __dirname) {
"use strict"; /* \u{1f44d} */
function later() { return __filename + ' of ' + __dirname; }
exports.uncalled = () => ${Array.from({ length: 1000 }, (_, index) => `later(${index})`).join('+')};
exports.said = later();
})`;

describe('bundle with kept bytecode', () => {
  let folder = '';
  let runs = 0;
  const cache = (): string => join(folder, 'cache');
  const kept = (): readonly string[] => readdirSync(cache());
  const run = (keptName: string | undefined): void => {
    // What the engine has compiled already in this process it knows by its path, and does not look at the file.
    const path = join(folder, `${runs++}.bundle.cjs`);
    writeFileSync(path, source);
    const call = loadBundle({ path, keptName }, new KeptFiles(cache(), '.compiled', limits));
    const exports: { said?: string } = {};
    const parameters: BundleParameters = [exports, null, null, 'name', 'folder'];
    call(...parameters);
    assert.equal(exports.said, 'name of folder');
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-bundle-'));
    new KeptFiles(cache(), '.compiled', limits).write('other', [Uint8Array.of(1)]);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps bytecode once', () => {
    const file = join(cache(), 'a.compiled');
    run('a');
    const first = readFileSync(file);
    run('a');
    assert.deepEqual(readFileSync(file), first);
  });

  it('keeps the bytecode of functions that nothing has called', () => {
    run('a');
    const lazily = new Script(source).createCachedData();
    assert.ok(readFileSync(join(cache(), 'a.compiled')).length > 2 * lazily.length);
  });

  it('keeps nothing without a name', () => {
    run(undefined);
    assert.deepEqual(kept(), ['other.compiled']);
  });

  const damages: readonly (readonly [string, (file: string) => void])[] = [
    ['is cut off', (file) => writeFileSync(file, 'short')],
    [
      'is of something else',
      () => new KeptFiles(cache(), '.compiled', limits).write('a', [new Uint8Array(1000).fill(7)]),
    ],
  ];
  for (const [what, damage] of damages) {
    it(`runs from the source where the file ${what}, and makes it anew`, () => {
      const file = join(cache(), 'a.compiled');
      run('a');
      const { length } = readFileSync(file);
      damage(file);
      // What the engine refuses is replaced by the next process.
      run('a');
      run('a');
      assert.equal(readFileSync(file).length, length);
    });
  }
});
