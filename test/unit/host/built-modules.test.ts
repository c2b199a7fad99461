/** Modules that the build has emitted: taken where they are, each once, and made where they are not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withBuiltModules } from '../../../debug-adapter/host/built-modules';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';

const made = Uint8Array.of(1);
const built = Uint8Array.of(2, 3);

describe('modules that the build has emitted', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-built-'));
    writeFileSync(join(folder, 'here-7.wasm'), built);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const rows: readonly (readonly [string, string, string, Uint8Array, number])[] = [
    ['is there', 'here', '7', built, 0],
    ['is of another version', 'here', '8', made, 1],
    ['is not there', 'there', '7', made, 1],
  ];
  for (const [what, name, version, expected, times] of rows) {
    it(`gives ${times === 0 ? 'the one that' : 'a new one where it'} ${what}, once`, () => {
      let count = 0;
      const make = (): Uint8Array => {
        count++;
        return made;
      };
      const host = withBuiltModules(webAssemblyCodeHost, folder, version);
      const first = host.keptModule?.(name, make);
      assert.deepEqual(first, expected);
      assert.equal(host.keptModule?.(name, make), first);
      assert.equal(count, times);
    });
  }
});
