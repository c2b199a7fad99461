// Bundles the extension, the debug adapter, the command line, the language server and the webviews into dist/.
import { context, build } from 'esbuild';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeInterpreter } from './emit-interpreter.mjs';
import { loadWhenUsed } from './load-when-used.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = path.join(root, 'dist');

/** Entry points that run under Node: output name → source. */
const nodeEntries = {
  extension: 'src/extension.ts',
  'language-server': 'src/language/server/main.ts',
};

/** A package that few processes use; a megabyte of source that the others need not read. */
const disassembler = 'iced-x86';

/** Entry points that `debug-adapter/start.ts` runs, with bytecode of earlier processes: output name → source. */
const startedEntries = {
  'debug-adapter': 'debug-adapter/main.ts',
  'command-line': 'debug-adapter/command-line/main.ts',
};
const starter = 'debug-adapter/start.ts';

/**
 * For the memory of a process that runs guests, where the C library is glibc: pages of 2 MiB where the system gives
 * them to those that ask, and one arena for all threads, so that what one has freed is another's.
 */
const memoryTunables = 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1';

const tunablesInShell = `GLIBC_TUNABLES="\${GLIBC_TUNABLES-${memoryTunables}}"`;
/** The command line is a program of its own: a line for the shell, which for JavaScript is a text and a comment. */
const shellLines = `#!/bin/sh\n':' //; ${tunablesInShell} exec node "$0" "$@"`;
const shellStarted = 'command-line';

/** What a started bundle is called with: `BundleParameters` of `debug-adapter/host/compiled-bundle.ts`. */
const bundleParameters = 'exports, require, module, __filename, __dirname';

/** Files that bundled code loads at run time, or that webviews refer to: output → source. */
const copies = {
  'iced_x86_bg.wasm': 'node_modules/iced-x86/iced_x86_bg.wasm',
  'webviews/codicon.css': 'node_modules/@vscode/codicons/dist/codicon.css',
  'webviews/codicon.ttf': 'node_modules/@vscode/codicons/dist/codicon.ttf',
};

/** @param {string} source */
const exists = (source) => fs.existsSync(path.join(root, source));

/**
 * Each folder of src/webviews/ with a main.ts is one webview, bundled under the folder's name.
 * @returns {Record<string, string>}
 */
function webviewEntries() {
  const folder = path.join(root, 'src/webviews');
  if (!fs.existsSync(folder)) return {};
  const names = fs.readdirSync(folder).filter((name) => exists(`src/webviews/${name}/main.ts`));
  return Object.fromEntries(names.map((name) => [name, `src/webviews/${name}/main.ts`]));
}

/** What the code that translators generate depends on, and the form of the files that keep it. */
const translatorSources = ['cpu', 'host', 'machine', 'spec', 'support'];

/** Changes with every source of {@link translatorSources}: code that another version has kept is not to be used. */
function translatorVersion() {
  const hash = createHash('sha256');
  for (const folder of translatorSources) {
    const from = path.join(root, 'debug-adapter', folder);
    const names = fs.readdirSync(from, { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((each) => each.endsWith('.ts')).sort()) {
      hash.update(`${folder}/${name}\0`).update(fs.readFileSync(path.join(from, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * The bundles to make, as esbuild options.
 * @param {{ minify?: boolean, version?: string | undefined }} [options] version of the translator: without it no
 *   translated code is kept
 * @returns {import('esbuild').BuildOptions[]}
 */
function bundles({ minify = false, version } = {}) {
  /** @type {import('esbuild').BuildOptions} */
  const common = {
    absWorkingDir: root,
    bundle: true,
    minify,
    keepNames: minify,
    sourcemap: minify ? false : 'linked',
    sourcesContent: false,
    target: 'es2022',
    logLevel: 'warning',
    legalComments: 'none',
  };
  /** @type {import('esbuild').BuildOptions} */
  const node = {
    ...common,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    define: {
      translatorVersion: JSON.stringify(version) ?? 'undefined',
      memoryTunables: JSON.stringify(memoryTunables),
    },
    external: ['vscode'],
  };
  /** @type {import('esbuild').BuildOptions[]} */
  const list = Object.entries(nodeEntries)
    .filter(([, source]) => exists(source))
    .map(([name, source]) => ({ ...node, entryPoints: [source], outfile: `dist/${name}.cjs` }));
  list.push({ ...node, entryPoints: [disassembler], outfile: `dist/${disassembler}.cjs` });
  const started = Object.entries(startedEntries).map(([name, source]) => ({
    ...node,
    plugins: [loadWhenUsed(disassembler)],
    entryPoints: [source],
    outfile: `dist/${name}.bundle.cjs`,
    banner: { js: `(function (${bundleParameters}) {` },
    footer: { js: '})' },
  }));
  list.push(...started);
  const webviews = webviewEntries();
  if (Object.keys(webviews).length > 0) {
    list.push({
      ...common,
      platform: 'browser',
      format: 'esm',
      loader: { '.ttf': 'file' },
      entryPoints: webviews,
      outdir: 'dist/webviews',
    });
  }
  return list;
}

/**
 * What starts a bundle.
 * @param {{ minify?: boolean, keepsBytecode: boolean }} options bytecode is kept of a bundle that stays as it is
 * @returns {import('esbuild').BuildOptions[]}
 */
function starters({ minify = false, keepsBytecode }) {
  return Object.keys(startedEntries).map((name) => ({
    absWorkingDir: root,
    bundle: true,
    minify,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    define: {
      bundleVersion: JSON.stringify(keepsBytecode ? bundleHash(name) : undefined) ?? 'undefined',
    },
    entryPoints: [starter],
    outfile: `dist/${name}.cjs`,
    banner: { js: name === shellStarted ? shellLines : '' },
    logLevel: 'warning',
  }));
}

/** @param {{ minify?: boolean, keepsBytecode: boolean }} options */
async function buildStarters(options) {
  await Promise.all(starters(options).map((bundle) => build(bundle)));
  fs.chmodSync(path.join(dist, `${shellStarted}.cjs`), 0o755);
}

/** @param {string} name */
function bundleHash(name) {
  const bundle = fs.readFileSync(path.join(dist, `${name}.bundle.cjs`));
  return createHash('sha256').update(bundle).digest('hex').slice(0, 16);
}

function copyFiles() {
  for (const [target, source] of Object.entries(copies)) {
    fs.mkdirSync(path.dirname(path.join(dist, target)), { recursive: true });
    fs.copyFileSync(path.join(root, source), path.join(dist, target));
  }
}

/**
 * Builds everything once.
 * @param {{ minify?: boolean, clean?: boolean }} [options]
 * @returns {Promise<string[]>} the bundles that were written, relative to the repository
 */
export async function buildAll(options = {}) {
  const version = translatorVersion();
  const list = bundles({ ...options, version });
  if (options.clean) fs.rmSync(dist, { recursive: true, force: true });
  await Promise.all(list.map((bundle) => build(bundle)));
  await writeInterpreter(dist, version);
  const { minify } = options;
  await buildStarters({ minify, keepsBytecode: true });
  copyFiles();
  return list.map((bundle) => bundle.outfile ?? `${bundle.outdir}/`);
}

async function watch() {
  copyFiles();
  await buildStarters({ keepsBytecode: false });
  const contexts = await Promise.all(bundles().map((bundle) => context(bundle)));
  await Promise.all(contexts.map((each) => each.watch()));
  console.log('build: watching for changes (Ctrl-C ends)');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const started = performance.now();
  if (process.argv.includes('--watch')) await watch();
  else {
    const written = await buildAll({ minify: process.argv.includes('--minify') });
    const ms = Math.round(performance.now() - started);
    console.log(`build: ${written.join(', ')} in ${ms} ms`);
  }
}
