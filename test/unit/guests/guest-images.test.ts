// The prebuilt guests: fit for the loader, without a trace of where they were built, in step with their sources.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { sampleGuest } from '../../../debug-adapter/spec/sample-guest';
import { diagnose } from '../../../src/language/server/diagnostics';
import { nodeFileReader } from '../../../src/language/server/node-file-reader';
import { Workspace } from '../../../src/language/server/workspace';
import { sampleGuestConstants } from '../../../scripts/sample-guest-constants';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const names = readdirSync(`${root}guests`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .filter((name) => existsSync(`${root}guests/${name}/${name}.s`));

/** Loadable segments of an ELF64 image: [virtual address, bytes in memory]. */
function loadableSegments(image: Buffer): (readonly [bigint, bigint])[] {
  const table = Number(image.readBigUInt64LE(32));
  const entries = Array.from({ length: image.readUInt16LE(56) }, (_, index) => table + index * 56);
  return entries
    .filter((at) => image.readUInt32LE(at) === 1)
    .map((at) => [image.readBigUInt64LE(at + 16), image.readBigUInt64LE(at + 40)]);
}

describe('sample guests', () => {
  it('include constants that are in step with the specifications', () => {
    const stored = readFileSync(`${root}guests/include/hyperscope.inc`, 'utf8');
    assert.equal(stored, sampleGuestConstants(), 'run: npm run guests');
  });

  for (const name of names) {
    const path = `${root}guests/${name}/${name}`;

    it(`${name}: the image is a static x86-64 executable above the load address`, () => {
      const image = readFileSync(`${path}.elf`);
      assert.equal(image.toString('latin1', 0, 4), '\x7fELF');
      assert.equal(image.readUInt16LE(16), 2, 'ET_EXEC');
      assert.equal(image.readUInt16LE(18), 62, 'EM_X86_64');
      assert.equal(image.readBigUInt64LE(24), BigInt(sampleGuest.loadGpa), 'entry');
      for (const [address] of loadableSegments(image)) assert.ok(address >= sampleGuest.loadGpa);
    });

    it(`${name}: the image names its source by a path inside the repository, and no other`, () => {
      const strings = readFileSync(`${path}.elf`, 'latin1').match(/[\x20-\x7e]{4,}/g) ?? [];
      const paths = strings.filter((text) => /\/.*\.(?:s|inc)\b|^\//.test(text));
      assert.ok(paths.length > 0, 'the image has line information');
      for (const text of paths) assert.ok(existsSync(`${root}${text}`), text);
    });

    it(`${name}: the language server finds nothing wrong with the source`, () => {
      const workspace = new Workspace(nodeFileReader);
      const uri = pathToFileURL(`${path}.s`).href;
      const source = readFileSync(`${path}.s`, 'utf8');
      workspace.update(TextDocument.create(uri, 'hyperscope-asm', 1, source));
      const program = workspace.program(uri);
      assert.ok(program !== undefined);
      assert.deepEqual(diagnose(program), []);
    });
  }
});
