// `npm run package`: makes hyperscope-<version>.vsix from a clean, minified build.
import { createVSIX } from '@vscode/vsce';
import fs from 'node:fs';
import path from 'node:path';
import { buildAll } from './build.mjs';
import { root } from './vscode-host/paths.mjs';
import { runProcess } from './vscode-host/run-process.mjs';

/** Writes what package.json says about launch arguments from the code that validates them. */
async function regenerateManifest() {
  const args = ['--import', 'tsx', 'scripts/generate-manifest.ts'];
  const { code, output } = await runProcess(process.execPath, args, { cwd: root });
  if (code !== 0) throw new Error(`The manifest could not be generated.\n${output}`);
}

const { name, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const file = path.join(root, `${name}-${version}.vsix`);

await regenerateManifest();
await buildAll({ minify: true, clean: true });
await createVSIX({
  cwd: root,
  packagePath: file,
  dependencies: false,
  rewriteRelativeLinks: false,
  allowMissingRepository: true,
});
const kilobytes = Math.round(fs.statSync(file).size / 1024);
console.log(`${path.basename(file)}: ${kilobytes} KB`);
