// Writes the schema of the launch arguments into package.json; `--check` only says whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launchArgumentsJsonSchema } from '../debug-adapter/launch/launch-arguments';

interface Manifest {
  contributes: { debuggers: { configurationAttributes?: unknown }[] };
}

const path = fileURLToPath(new URL('../package.json', import.meta.url));
const before = readFileSync(path, 'utf8');
// The manifest is ours; a test checks the part that is used here.
const manifest = JSON.parse(before) as Manifest;
const contribution = manifest.contributes.debuggers[0];
if (contribution === undefined) throw new Error('package.json contributes no debugger');
contribution.configurationAttributes = { launch: launchArgumentsJsonSchema() };
const after = `${JSON.stringify(manifest, undefined, 2)}\n`;

if (after === before) {
  console.log('manifest: launch arguments are up to date');
} else if (process.argv.includes('--check')) {
  console.error('manifest: launch arguments changed; run npx tsx scripts/generate-manifest.ts');
  process.exitCode = 1;
} else {
  writeFileSync(path, after);
  console.log('manifest: launch arguments written');
}
