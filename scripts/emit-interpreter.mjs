// Emits the interpreter's module at build time, so that no process has to: its bytes follow from the sources alone.
import { build } from 'esbuild';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const emitter = `
export { dataTlbEntriesMax } from './memory-map';
export { interpreterModule } from './processor-core-factory';
`;
const resolveDir = fileURLToPath(new URL('../debug-adapter/cpu', import.meta.url));

/**
 * Writes the interpreter for TLBs of the usual size under the name by which `debug-adapter/host/built-modules.ts` looks
 * for it, in place of those of other versions.
 * @param {string} folder
 * @param {string} version of the sources
 */
export async function writeInterpreter(folder, version) {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperscope-emitter-'));
  try {
    const outfile = path.join(temporary, 'emitter.cjs');
    const stdin = { contents: emitter, resolveDir };
    await build({ stdin, outfile, bundle: true, platform: 'node', format: 'cjs' });
    const { dataTlbEntriesMax: entries, interpreterModule } = createRequire(outfile)(outfile);
    for (const name of fs.readdirSync(folder).filter((each) => /^interpreter-.*\.wasm$/.test(each)))
      fs.rmSync(path.join(folder, name));
    fs.writeFileSync(
      path.join(folder, `interpreter-${entries}-${version}.wasm`),
      interpreterModule(entries),
    );
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}
