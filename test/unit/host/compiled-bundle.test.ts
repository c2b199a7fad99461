/** Bundles with kept bytecode: they do what they do without, whatever has happened to the file. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  loadBundle,
  type BundleParameters,
  type KeepCompiled,
} from '../../../debug-adapter/host/compiled-bundle';
import { KeptFiles } from '../../../debug-adapter/host/kept-files';

const limits = { files: 4, bytes: 1_000_000 };
const source = `(function (exports, require, module, __filename, __dirname, keepCompiled) {
"use strict"; /* \u{1f44d} */
function later() { return __filename + ' of ' + __dirname; }
exports.said = later();
exports.keep = keepCompiled;
})`;

describe('bundle with kept bytecode', () => {
  let folder = '';
  const cache = (): string => join(folder, 'cache');
  const kept = (): readonly string[] => readdirSync(cache());
  const run = (keptName: string | undefined): KeepCompiled => {
    const path = join(folder, 'program.bundle.cjs');
    const { run: call, keepCompiled } = loadBundle(
      { path, keptName },
      new KeptFiles(cache(), '.compiled', limits),
    );
    const exports: { said?: string; keep?: KeepCompiled } = {};
    const parameters: BundleParameters = [exports, null, null, 'name', 'folder', keepCompiled];
    call(...parameters);
    assert.equal(exports.said, 'name of folder');
    assert.equal(exports.keep, keepCompiled);
    return keepCompiled;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-bundle-'));
    writeFileSync(join(folder, 'program.bundle.cjs'), source);
    new KeptFiles(cache(), '.compiled', limits).write('other', [Uint8Array.of(1)]);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps bytecode once, and again where it is told to', () => {
    const file = join(cache(), 'a.compiled');
    run('a')(false);
    assert.ok(kept().includes('a.compiled'));
    rmSync(file);
    const keep = run('a');
    keep(false);
    assert.ok(kept().includes('a.compiled'));
    rmSync(file);
    keep(false);
    assert.ok(!kept().includes('a.compiled'), 'the same process has kept it already');
    keep(true);
    const again = run('a');
    rmSync(file);
    again(false);
    assert.ok(!kept().includes('a.compiled'), 'an earlier process has kept it already');
  });

  it('keeps nothing without a name', () => {
    run(undefined)(true);
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
    it(`runs from the source where the file ${what}, and replaces the file`, () => {
      run('a')(false);
      damage(join(cache(), 'a.compiled'));
      run('a')(false);
      const file = join(cache(), 'a.compiled');
      const keep = run('a');
      rmSync(file);
      keep(false);
      assert.ok(!kept().includes('a.compiled'), 'what was replaced is whole');
    });
  }
});
