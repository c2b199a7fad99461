#!/usr/bin/env node
// Stands in for a desktop `code` executable in tests: the same arguments, with the workbench in a headless browser.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { installHost } from './install-host.mjs';
import { startHost } from './server.mjs';
import { openBrowser } from './workbench.mjs';

const timeoutMs = 300_000;

/** Lines of VS Code itself that say nothing about the tests. */
const noise =
  /Could not locate the bindings|native-watchdog|open-vsx|authentication provider|Service Worker|reconnection-grace|AccountPolicy|Creating a socket|connection token|builtin extensions cache|ERR_NAME_NOT_RESOLVED|%cINFO|No ptyHost|punycode|ripgrep|ChatSessionStore|No search provider/;

/**
 * @param {readonly string[]} args
 * @returns {{ development: string[], tests: string | undefined, workspace: string | undefined }}
 */
function parseArguments(args) {
  /** @type {string[]} */
  const development = [];
  /** @type {string | undefined} */
  let tests;
  /** @type {string | undefined} */
  let workspace;
  for (const argument of args) {
    const option = /^--([\w-]+)(?:=(.*))?$/s.exec(argument);
    if (option === null) workspace = path.resolve(argument);
    else if (option[1] === 'extensionDevelopmentPath') development.push(path.resolve(option[2]));
    else if (option[1] === 'extensionTestsPath') tests = path.resolve(option[2]);
  }
  return { development, tests, workspace };
}

/** Variables of the caller that the tests read. */
function passedEnvironment() {
  const entries = Object.entries(process.env).filter(([name]) =>
    /^(HYPERSCOPE_|MOCHA_|NODE_V8_COVERAGE$)/.test(name),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

/**
 * Opens the workbench and waits until the extension host has run the tests.
 * @param {string} url
 * @param {string} screenshot written when time runs out
 * @returns {Promise<number>} the exit code that VS Code reports, 124 when time ran out, 70 after a crash
 */
async function runInBrowser(url, screenshot) {
  const { browser, page } = await openBrowser();
  try {
    /** @type {(code: number) => void} */
    let finish = () => {};
    /** @type {Promise<number>} */
    const finished = new Promise((resolve) => (finish = resolve));
    await page.exposeFunction(
      'codeAutomationLog',
      (/** @type {string} */ _type, /** @type {unknown[]} */ values) => {
        const text = format(...values);
        if (!noise.test(text)) process.stdout.write(`${text}\n`);
      },
    );
    await page.exposeFunction('codeAutomationExit', (/** @type {number} */ code) => finish(code));
    page.on('crash', () => finish(70));
    const timer = setTimeout(() => finish(124), timeoutMs);
    await page.goto(url);
    const code = await finished;
    clearTimeout(timer);
    if (code === 124) await page.screenshot({ path: screenshot });
    return code;
  } finally {
    await browser.close();
  }
}

async function main() {
  const { development, tests, workspace } = parseArguments(process.argv.slice(2));
  if (tests === undefined) throw new Error('--extensionTestsPath is missing');
  await installHost();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperscope-receipt-'));
  const receipt = path.join(folder, 'receipt');
  const host = await startHost({
    workspace,
    developmentExtensions: development,
    testsPath: fileURLToPath(new URL('receipt.cjs', import.meta.url)),
    env: { ...passedEnvironment(), HYPERSCOPE_TESTS: tests, HYPERSCOPE_RECEIPT: receipt },
  });
  const stop = () => void host.stop().then(() => process.exit(130));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const code = await runInBrowser(host.url, path.join(os.tmpdir(), 'hyperscope-timeout.png'));
    const outcome = fs.existsSync(receipt) ? fs.readFileSync(receipt, 'utf8') : 'missing';
    if (outcome === 'missing') {
      console.error('The tests left no receipt: the extension host died or they never started.');
    }
    return outcome === 'passed' ? code : code || 1;
  } finally {
    await host.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main().catch((error) => {
  console.error(error);
  return 1;
});
