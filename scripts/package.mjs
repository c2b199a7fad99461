// `npm run package`: makes hyperscope-<version>.vsix from a clean, minified build.
import { createVSIX } from '@vscode/vsce';
import fs from 'node:fs';
import path from 'node:path';
import { buildAll } from './build.mjs';
import { root } from './vscode-host/paths.mjs';

const { name, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const file = path.join(root, `${name}-${version}.vsix`);

await buildAll({ minify: true, clean: true });
await createVSIX({ cwd: root, packagePath: file, dependencies: false });
const kilobytes = Math.round(fs.statSync(file).size / 1024);
console.log(`${path.basename(file)}: ${kilobytes} KB`);
