/** What Node starts: the bundle of the same name beside it, with its bytecode of earlier processes. */
import { basename, join } from 'node:path';
import { loadBundle } from './host/compiled-bundle';
import { cacheFolder, KeptFiles } from './host/kept-files';
import { engineVersion } from './host/native-code';
import { optimizeLater } from './host/optimizer-patience';

/** Hash of the bundle; undefined where it changes without this file, and nothing is kept. */
declare const bundleVersion: string | undefined;

const limits = { files: 8, bytes: 64 * 1024 * 1024 };

const name = basename(__filename, '.cjs');
// Before anything is kept or read: both are refused where flags are others than when they were made.
optimizeLater();
const usesCache = bundleVersion !== undefined && !process.argv.includes('--no-cache');
const run = loadBundle(
  {
    path: join(__dirname, `${name}.bundle.cjs`),
    keptName: usesCache ? `${name}-${bundleVersion}-${engineVersion}` : undefined,
  },
  new KeptFiles(cacheFolder(), '.compiled', limits),
);
run(exports, require, module, __filename, __dirname);
