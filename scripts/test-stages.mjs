// The stages of `npm test`: what each runs, and how its result is counted.
import fs from 'node:fs';
import path from 'node:path';
import { buildAll } from './build.mjs';
import { chromiumAdvice, ensureChromium } from './vscode-host/chromium.mjs';
import { installHost } from './vscode-host/install-host.mjs';
import { root } from './vscode-host/paths.mjs';
import { runProcess } from './vscode-host/run-process.mjs';

/**
 * @typedef {object} StageResult
 * @property {number} passed
 * @property {string[]} failures titles of what failed
 * @property {string[]} skipped titles of what could not run, with the reason
 *
 * @typedef {object} Stage
 * @property {string} name
 * @property {string} purpose
 * @property {boolean} [needsBuild] true for stages that run what is in dist/
 * @property {() => Promise<StageResult>} run
 */

const bin = (/** @type {string} */ name) => path.join(root, 'node_modules', name);

/**
 * A program whose exit code is the result; its output is shown when it fails.
 * @param {string} title
 * @param {readonly string[]} args of node
 * @returns {Promise<StageResult>}
 */
async function check(title, args) {
  const { code, output } = await runProcess(process.execPath, args, { cwd: root });
  if (code === 0) return { passed: 1, failures: [], skipped: [] };
  console.log(output.trimEnd().replace(/^/gm, '    '));
  return { passed: 0, failures: [title], skipped: [] };
}

/**
 * @param {readonly StageResult[]} results
 * @returns {StageResult}
 */
function add(...results) {
  return {
    passed: results.reduce((sum, each) => sum + each.passed, 0),
    failures: results.flatMap((each) => each.failures),
    skipped: results.flatMap((each) => each.skipped),
  };
}

/**
 * Runs a program that reports through scripts/test-report.cjs.
 * @param {string} stage
 * @param {readonly string[]} args of node
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<StageResult>}
 */
async function runReported(stage, args, env = {}) {
  const report = path.join(root, 'out/reports', `${stage}.json`);
  fs.rmSync(report, { force: true });
  const { code } = await runProcess(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env, HYPERSCOPE_REPORT: report },
    passThrough: true,
  });
  if (!fs.existsSync(report)) {
    return { passed: 0, failures: [`${stage}: ended with code ${code}, no report`], skipped: [] };
  }
  /** @type {StageResult} */
  const result = JSON.parse(fs.readFileSync(report, 'utf8'));
  if (code !== 0 && result.failures.length === 0)
    result.failures.push(`${stage}: exit code ${code}`);
  return result;
}

/**
 * @param {string} folder
 * @returns {string[]} test files below it, relative to the repository
 */
function testFiles(folder) {
  const absolute = path.join(root, folder);
  if (!fs.existsSync(absolute)) return [];
  return fs
    .readdirSync(absolute, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join(folder, file))
    .sort();
}

/**
 * @param {string} stage
 * @param {readonly string[]} folders
 * @param {{ timeoutMs?: number, bail?: boolean }} [options]
 * @returns {Promise<StageResult>}
 */
async function runMocha(stage, folders, { timeoutMs = 20_000, bail = false } = {}) {
  const files = folders.flatMap(testFiles);
  if (files.length === 0) {
    return {
      passed: 0,
      failures: [],
      skipped: [`${stage}: no test files in ${folders.join(', ')}`],
    };
  }
  return runReported(stage, [
    ...[bin('mocha/bin/mocha.js'), '--import=tsx', '--reporter', 'scripts/test-report.cjs'],
    ...['--timeout', String(timeoutMs), '--exit', ...(bail ? ['--bail'] : []), ...files],
  ]);
}

/**
 * Runs a stage that needs a browser and a VS Code host, or says why it cannot run.
 * @param {string} stage
 * @param {() => Promise<StageResult>} run
 * @param {{ host?: boolean }} [needs]
 * @returns {Promise<StageResult>}
 */
async function withBrowser(stage, run, { host = true } = {}) {
  if ((await ensureChromium()) === undefined) {
    return { passed: 0, failures: [], skipped: [`${stage}: no Chromium. ${chromiumAdvice}`] };
  }
  if (host) {
    try {
      await installHost();
    } catch (error) {
      return { passed: 0, failures: [], skipped: [`${stage}: ${String(error)}`] };
    }
  }
  return run();
}

async function build() {
  await buildAll({ clean: true });
  return { passed: 1, failures: [], skipped: [] };
}

async function lint() {
  return add(
    await check('eslint', [bin('eslint/bin/eslint.js'), '.']),
    await check('prettier: run "npm run format"', [
      bin('prettier/bin/prettier.cjs'),
      ...['--check', '--log-level', 'warn', '.'],
    ]),
  );
}

/**
 * Runs the tests that boot a stock kernel, or says why there is none.
 * @returns {Promise<StageResult>}
 */
async function boot() {
  const { code, output } = await runProcess(
    process.execPath,
    ['scripts/guest-debian.mjs', '--root-disk'],
    {
      cwd: root,
    },
  );
  const reason = output.split('\n').find((line) => line.startsWith('guest:debian: '));
  if (code === 3) return { passed: 0, failures: [], skipped: [`boot: ${reason ?? output}`] };
  if (code !== 0) {
    console.log(output.trimEnd().replace(/^/gm, '    '));
    return { passed: 0, failures: [`boot: npm run guest:debian, code ${code}`], skipped: [] };
  }
  return runMocha('boot', ['test/boot'], { timeoutMs: 240_000 });
}

/**
 * The benchmark's kernels in their shortest form, against the ratios committed for this kind of machine.
 * @returns {Promise<StageResult>}
 */
async function speed() {
  const args = ['--import=tsx', 'scripts/benchmark.ts', '--brief', '--check'];
  const { code, output } = await runProcess(process.execPath, args, { cwd: root });
  if (code === 0) return { passed: 1, failures: [], skipped: [] };
  if (code === 3) {
    const reason =
      'none are committed for this kind of processor ("npm run benchmark -- --brief --write")';
    return { passed: 0, failures: [], skipped: [`speed: ratios to other engines: ${reason}`] };
  }
  console.log(output.trimEnd().replace(/^/gm, '    '));
  return { passed: 0, failures: ['speed: ratios to other engines'], skipped: [] };
}

/** Folders of test/ with a stage of their own; all others belong to the stage "unit". */
const ownStage = ['tidy', 'debug-adapter', 'boot', 'webview', 'extension', 'end-to-end', 'support'];

function unitFolders() {
  return fs
    .readdirSync(path.join(root, 'test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !ownStage.includes(entry.name))
    .map((entry) => `test/${entry.name}`);
}

/** @type {readonly Stage[]} */
export const stages = [
  { name: 'build', purpose: 'bundle everything', run: build },
  { name: 'lint', purpose: 'eslint and prettier', run: lint },
  {
    name: 'types',
    purpose: 'each layer against its references',
    run: () => check('tsc -b', [bin('typescript/bin/tsc'), '-b']),
  },
  {
    name: 'tidy',
    purpose: 'layers, bans, budgets, documents in step',
    run: () => runMocha('tidy', ['test/tidy'], { timeoutMs: 60_000 }),
  },
  {
    name: 'speed',
    purpose: 'the kernels of the benchmark beside QEMU, v86 and the interpreter',
    run: speed,
  },
  { name: 'unit', purpose: 'each part alone', run: () => runMocha('unit', unitFolders()) },
  {
    name: 'adapter',
    purpose: 'debug requests against the real process',
    needsBuild: true,
    run: () => runMocha('adapter', ['test/debug-adapter']),
  },
  {
    name: 'boot',
    purpose: 'a stock kernel, fetched with npm run guest:debian',
    needsBuild: true,
    run: boot,
  },
  {
    name: 'webview',
    purpose: 'panels in a browser',
    needsBuild: true,
    run: () => withBrowser('webview', () => runMocha('webview', ['test/webview']), { host: false }),
  },
  {
    name: 'extension',
    purpose: 'inside a real extension host',
    needsBuild: true,
    run: () => runReported('extension', ['scripts/run-extension-tests.mjs']),
  },
  {
    name: 'end-to-end',
    purpose: 'as a person, with screenshots',
    needsBuild: true,
    run: () =>
      withBrowser('end-to-end', () =>
        runMocha('end-to-end', ['test/end-to-end/development'], { timeoutMs: 60_000, bail: true }),
      ),
  },
  {
    name: 'vsix',
    purpose: 'the package, installed in a fresh VS Code',
    needsBuild: true,
    run: () =>
      withBrowser('vsix', async () => {
        const packaged = await check('npm run package', ['scripts/package.mjs']);
        if (packaged.failures.length > 0) return packaged;
        const walked = await runMocha('vsix', ['test/end-to-end/packaged'], {
          timeoutMs: 60_000,
          bail: true,
        });
        return add(packaged, walked);
      }),
  },
];
