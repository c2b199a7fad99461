// Finds the Chromium that drives the workbench in tests, and installs one where that is possible.
import fs from 'node:fs';
import path from 'node:path';
import { cacheFolder, root } from './paths.mjs';
import { runProcess } from './run-process.mjs';

const browsersFolder = path.join(cacheFolder, 'browsers');

const candidates = [
  '/usr/lib/chromium/chromium',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/** What to tell a person whose machine has no Chromium. */
export const chromiumAdvice =
  'Install Chromium (Debian, Ubuntu: "sudo apt-get install chromium"; elsewhere Google Chrome), ' +
  'or set CHROMIUM to the path of a Chromium or Chrome executable.';

/** Executables that an earlier download left in the cache. */
function downloaded() {
  if (!fs.existsSync(browsersFolder)) return [];
  const inner = ['chrome-linux/chrome', 'chrome-linux64/chrome', 'chrome-win/chrome.exe'];
  return fs
    .readdirSync(browsersFolder)
    .flatMap((name) => inner.map((file) => path.join(browsersFolder, name, file)));
}

/** @returns {string | undefined} the executable, or undefined where there is none */
export function findChromium() {
  const wanted = process.env['CHROMIUM'];
  if (wanted !== undefined && wanted !== '') return fs.existsSync(wanted) ? wanted : undefined;
  return [...candidates, ...downloaded()].find((file) => fs.existsSync(file));
}

async function installByApt() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const label = 'Installing Chromium with apt-get (once)';
  await runProcess('apt-get', ['update', '-q'], { env, label: 'Reading package lists' });
  const args = ['install', '-y', '-q', '--no-install-recommends', 'chromium'];
  await runProcess('apt-get', args, { env, label });
}

async function installByDownload() {
  const cli = path.join(root, 'node_modules/playwright-core/cli.js');
  if (!fs.existsSync(cli)) return;
  const env = { ...process.env, PLAYWRIGHT_BROWSERS_PATH: browsersFolder };
  await runProcess(process.execPath, [cli, 'install', 'chromium'], {
    env,
    label: 'Downloading Chromium (once)',
    timeoutMs: 180_000,
  });
}

/**
 * Finds Chromium, or installs it: by apt-get where we are root, else by Playwright's download.
 * @returns {Promise<string | undefined>} undefined where neither worked; {@link chromiumAdvice} says what to do
 */
export async function ensureChromium() {
  const wanted = process.env['CHROMIUM'] ?? '';
  if (wanted !== '' && findChromium() === undefined) {
    console.log(`    CHROMIUM names a file that does not exist: ${wanted}`);
    return undefined;
  }
  if (findChromium() === undefined) await installByApt();
  if (findChromium() === undefined) await installByDownload();
  return findChromium();
}
