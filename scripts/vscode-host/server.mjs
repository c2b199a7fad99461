// Starts a real VS Code (its server with the web workbench) on 127.0.0.1 and stops it again.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { serverFolder, serverMain } from './paths.mjs';

/** Settings that keep a fresh window quiet; everything else is VS Code's default. */
const quietSettings = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'security.workspace.trust.enabled': false,
  'workbench.startupEditor': 'none',
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.commandCenter.enabled': false,
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'npm.autoDetect': 'off',
  'remote.autoForwardPorts': false,
  'files.simpleDialog.enable': true,
  'debug.onTaskErrors': 'debugAnyway',
  'debug.openDebug': 'openOnSessionStart',
  'editor.accessibilitySupport': 'off',
  'editor.minimap.enabled': false,
  'window.confirmBeforeClose': 'never',
};

/** The built-in extensions that a debugging window needs; fewer of them start faster and log less. */
const builtins = [
  'theme-defaults',
  'theme-seti',
  'theme-modern-icons',
  'configuration-editing',
  'json',
  'json-language-features',
  // Not needed, but the workbench announces that it misses them.
  'emmet',
  'git-base',
  'merge-conflict',
  'typescript-language-features',
];

/**
 * @typedef {object} HostOptions
 * @property {string} [workspace] folder to open
 * @property {readonly string[]} [developmentExtensions] folders of extensions to load as under development
 * @property {readonly string[]} [linkedExtensions] folders of extensions that every window has
 * @property {string} [vsix] a packaged extension to install before the start
 * @property {string} [testsPath] module whose `run` the extension host calls
 * @property {Record<string, unknown>} [settings]
 * @property {Record<string, string>} [env] environment of the extension host
 * @property {number} [port] 0 or absent: any free one
 * @property {string} [dataFolder] kept after the end; absent: a temporary one, deleted
 *
 * @typedef {object} Host
 * @property {string} url opens the wanted workspace with the wanted extensions
 * @property {string} address opens the wanted workspace, for a person
 * @property {string} logFile
 * @property {Promise<number>} exited exit code of the server, whenever it ends
 * @property {() => Promise<void>} stop
 */

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

/**
 * @param {string} folder
 * @param {HostOptions} options
 * @returns {string[]} arguments that place all data of the server under `folder`
 */
function prepareFolder(folder, options) {
  const user = path.join(folder, 'data/User');
  fs.mkdirSync(user, { recursive: true });
  const settingsFile = path.join(user, 'settings.json');
  if (!fs.existsSync(settingsFile)) {
    const settings = { ...quietSettings, ...options.settings };
    fs.writeFileSync(settingsFile, `${JSON.stringify(settings, null, 2)}\n`);
  }
  const builtinFolder = path.join(folder, 'builtin');
  fs.rmSync(builtinFolder, { recursive: true, force: true });
  fs.mkdirSync(builtinFolder);
  const linked = builtins.map((name) => path.join(serverFolder, 'extensions', name));
  for (const source of [...linked, ...(options.linkedExtensions ?? [])]) {
    fs.symlinkSync(source, path.join(builtinFolder, path.basename(source)), 'junction');
  }
  return [
    ...['--builtin-extensions-dir', builtinFolder],
    ...['--server-data-dir', folder],
    ...['--user-data-dir', path.join(folder, 'data')],
    ...['--extensions-dir', path.join(folder, 'extensions')],
  ];
}

/**
 * Our environment without what an outer VS Code left in it.
 * @param {string} folder
 * @param {Record<string, string>} extra
 */
function serverEnvironment(folder, extra) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(VSCODE_|ELECTRON_RUN_AS_NODE$|NODE_OPTIONS$)/.test(name)) delete env[name];
  }
  // Debug adapters with the runtime "node" are started from the PATH.
  const searchPath = `${path.dirname(process.execPath)}${path.delimiter}${env['PATH'] ?? ''}`;
  return { ...env, ...extra, XDG_RUNTIME_DIR: folder, PATH: searchPath };
}

/**
 * The folder must be in the address: one that the server assumes by itself gets another identity than its files.
 * @param {string} authority
 * @param {HostOptions} options
 */
function workspaceAddress(authority, options) {
  const folder = options.workspace;
  return `http://${authority}/${folder === undefined ? '' : `?folder=${encodeURI(folder)}`}`;
}

/**
 * @param {string} authority
 * @param {HostOptions} options
 */
function workbenchUrl(authority, options) {
  const remote = (/** @type {string} */ file) => `vscode-remote://${authority}${file}`;
  const payload = [['skipWelcome', 'true']];
  for (const folder of options.developmentExtensions ?? []) {
    payload.push(['extensionDevelopmentPath', remote(folder)]);
  }
  if (options.testsPath !== undefined) {
    payload.push(['extensionTestsPath', remote(options.testsPath)]);
  }
  if (options.env !== undefined)
    payload.push(['extensionEnvironment', JSON.stringify(options.env)]);
  const workspace = workspaceAddress(authority, options);
  const separator = workspace.includes('?') ? '&' : '?';
  return `${workspace}${separator}payload=${encodeURIComponent(JSON.stringify(payload))}`;
}

/**
 * @param {string} address
 * @param {() => boolean} hasExited
 * @param {string} logFile
 */
async function waitUntilReady(address, hasExited, logFile) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    if (hasExited()) {
      throw new Error(`VS Code's server ended at once:\n${fs.readFileSync(logFile, 'utf8')}`);
    }
    const answer = await fetch(address).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`VS Code's server did not answer within a minute; its log is ${logFile}`);
}

/**
 * @param {HostOptions} options
 * @returns {Promise<Host>}
 */
export async function startHost(options) {
  const temporary = options.dataFolder === undefined;
  const folder = options.dataFolder ?? fs.mkdtempSync(path.join(os.tmpdir(), 'hyperscope-host-'));
  const folderArguments = prepareFolder(folder, options);
  const env = serverEnvironment(folder, options.env ?? {});
  if (options.vsix !== undefined) {
    const install = [
      serverMain,
      ...folderArguments,
      '--install-extension',
      options.vsix,
      '--force',
    ];
    execFileSync(process.execPath, install, { env, stdio: 'pipe' });
  }
  const port = options.port ? options.port : await freePort();
  const authority = `127.0.0.1:${port}`;
  const logFile = path.join(folder, 'server.log');
  const log = fs.openSync(logFile, 'w');
  const serverArguments = [
    ...[serverMain, '--host', '127.0.0.1', '--port', String(port)],
    ...['--without-connection-token', '--accept-server-license-terms'],
    ...(isForTests(options) ? ['--enable-smoke-test-driver'] : []),
    ...['--telemetry-level', 'off', '--disable-telemetry', '--disable-update-check'],
    ...folderArguments,
  ];
  const child = spawn(process.execPath, serverArguments, {
    env,
    stdio: ['ignore', log, log],
    detached: true,
  });
  fs.closeSync(log);
  let hasExited = false;
  /** @type {Promise<number>} */
  const exited = new Promise((resolve) => {
    child.once('exit', (code) => {
      hasExited = true;
      resolve(code ?? 1);
    });
  });
  // A test that ends in the middle must not leave a server behind.
  const killAtExit = () => signalGroup(child.pid, 'SIGKILL');
  process.once('exit', killAtExit);
  const stop = async () => {
    process.off('exit', killAtExit);
    if (!hasExited) {
      signalGroup(child.pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), 4000);
      await exited;
      clearTimeout(timer);
    }
    if (temporary) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await waitUntilReady(`http://${authority}/`, () => hasExited, logFile);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: workbenchUrl(authority, options),
    address: workspaceAddress(authority, options),
    logFile,
    exited,
    stop,
  };
}

/**
 * Newer workbenches ignore test and development paths in the address without the smoke test driver. With it they show
 * no dialogs, which a person would miss.
 * @param {HostOptions} options
 */
function isForTests(options) {
  return options.testsPath !== undefined || (options.developmentExtensions ?? []).length > 0;
}

/**
 * Signals the server together with its extension hosts and debug adapters.
 * @param {number | undefined} pid
 * @param {NodeJS.Signals} signal
 */
function signalGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}
