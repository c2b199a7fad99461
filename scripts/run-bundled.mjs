// `node scripts/run-bundled.mjs FILE.ts [options]`: bundles a script as the product is bundled, and runs that.
// What is measured must not depend on how TypeScript is loaded for tests.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [source, ...options] = process.argv.slice(2);
if (source === undefined) {
  console.error('usage: node scripts/run-bundled.mjs FILE.ts [options]');
  process.exit(2);
}
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperscope-bundle-'));
try {
  const outfile = path.join(folder, `${path.basename(source, '.ts')}.cjs`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', outfile, ...options], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
