// Runs test/extension inside the extension host of a real VS Code: the desktop's where there is one, else the stand-in.
import { downloadAndUnzipVSCode, runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDesktopCode } from './vscode-host/desktop-code.mjs';
import { chromiumAdvice, ensureChromium } from './vscode-host/chromium.mjs';
import { installHost } from './vscode-host/install-host.mjs';
import { cacheFolder, root } from './vscode-host/paths.mjs';
import { runProcess } from './vscode-host/run-process.mjs';

const suite = path.join(root, 'out/test/extension.cjs');
const standIn = fileURLToPath(new URL('vscode-host/stand-in-code.mjs', import.meta.url));
const downloadTimeoutMs = 20_000;

/** Electron needs a screen on Linux, real or virtual. */
function hasScreen() {
  return (
    process.platform !== 'linux' ||
    Boolean(process.env['DISPLAY']) ||
    Boolean(process.env['WAYLAND_DISPLAY'])
  );
}

function hasVirtualScreen() {
  try {
    execFileSync('xvfb-run', ['--help'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * A desktop VS Code from the network, where there is one.
 * @returns {Promise<string | undefined>}
 */
async function downloadDesktop() {
  try {
    return await downloadAndUnzipVSCode({
      version: 'stable',
      cachePath: path.join(cacheFolder, 'vscode-test'),
      timeout: downloadTimeoutMs,
      extractSync: true,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.log(`    no desktop VS Code can be downloaded: ${message.split('\n')[0]}`);
    return undefined;
  }
}

/** @param {string} vscodeExecutablePath */
async function runIn(vscodeExecutablePath) {
  const workspace = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperscope-workspace-'));
  const userData = fs.mkdtempSync(path.join(os.tmpdir(), 'hs-'));
  // Nothing that was kept on this computer, and nothing is left on it.
  const cache = path.join(userData, 'cache');
  fs.cpSync(path.join(root, 'guests'), workspace, { recursive: true });
  try {
    return await runTests({
      vscodeExecutablePath,
      extensionDevelopmentPath: root,
      extensionTestsPath: suite,
      extensionTestsEnv: { XDG_CACHE_HOME: cache, LOCALAPPDATA: cache },
      launchArgs: [workspace, '--disable-extensions', `--user-data-dir=${userData}`],
    });
  } catch (error) {
    console.log(`    ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    fs.rmSync(workspace, { recursive: true, force: true });
    fs.rmSync(userData, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Writes the report of a run that could not take place. @param {string} reason */
function reportSkipped(reason) {
  const report = process.env['HYPERSCOPE_REPORT'];
  const result = { passed: 0, failures: [], skipped: [`extension: ${reason}`] };
  if (report === undefined) console.log(`    skipped: ${reason}`);
  else {
    fs.mkdirSync(path.dirname(report), { recursive: true });
    fs.writeFileSync(report, JSON.stringify(result));
  }
}

async function buildSuite() {
  await build({
    absWorkingDir: root,
    entryPoints: ['test/extension/index.ts'],
    outfile: suite,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}

async function main() {
  await buildSuite();
  if (process.argv.includes('--build-only')) return 0;
  const installed = findDesktopCode();
  if (!hasScreen() && hasVirtualScreen()) {
    const args = ['-a', process.execPath, ...process.argv.slice(1)];
    return (await runProcess('xvfb-run', args, { passThrough: true })).code;
  }
  const desktop = hasScreen() ? (installed ?? (await downloadDesktop())) : undefined;
  if (desktop !== undefined) {
    console.log(`    desktop VS Code: ${desktop}`);
    return runIn(desktop);
  }
  if (!hasScreen()) console.log('    no screen and no xvfb-run: the desktop VS Code cannot open');
  if ((await ensureChromium()) === undefined) {
    reportSkipped(`no desktop VS Code and no Chromium. ${chromiumAdvice}`);
    return 0;
  }
  try {
    await installHost();
  } catch (error) {
    reportSkipped(String(error));
    return 0;
  }
  console.log('    VS Code 1.100 in a headless browser');
  return runIn(standIn);
}

process.exitCode = await main();
