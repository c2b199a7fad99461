// Installs the VS Code server of the tests into the cache, once.
import fs from 'node:fs';
import path from 'node:path';
import { hostFolder, hostPackage, serverFolder, serverMain } from './paths.mjs';
import { runProcess } from './run-process.mjs';

const doneFile = path.join(hostFolder, 'installed');
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const npmArguments = ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];

/** True when the host can be started without a network. */
export function hostIsInstalled() {
  return fs.existsSync(doneFile) && fs.existsSync(serverMain);
}

/**
 * @param {string} cwd
 * @param {string} label
 */
async function install(cwd, label) {
  const { code, output } = await runProcess(npm, npmArguments, { cwd, label });
  if (code === 0) return;
  throw new Error(
    `${label} failed (npm exit code ${code}). It needs access to an npm registry once.\n` +
      output.trim().split('\n').slice(-12).join('\n'),
  );
}

/**
 * File search in VS Code runs ripgrep, which its package downloads in an install script. The host works without it,
 * so this tries the one of the PATH, then the download, and gives up silently.
 */
async function provideRipgrep() {
  const folder = path.join(serverFolder, 'node_modules/@vscode/ripgrep');
  const target = path.join(folder, 'bin', process.platform === 'win32' ? 'rg.exe' : 'rg');
  const searchPath = (process.env['PATH'] ?? '').split(path.delimiter);
  const installed = searchPath.map((each) => path.join(each, path.basename(target)));
  const found = installed.find((file) => fs.existsSync(file));
  if (found === undefined) {
    const script = path.join(folder, 'lib/postinstall.js');
    await runProcess(process.execPath, [script], { cwd: folder, timeoutMs: 20_000 });
  } else {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.symlinkSync(found, target);
  }
}

/** Makes sure that the host is there. Native parts of the package are not built: none of them is needed. */
export async function installHost() {
  if (hostIsInstalled()) return;
  fs.rmSync(hostFolder, { recursive: true, force: true });
  fs.mkdirSync(hostFolder, { recursive: true });
  const manifest = { private: true, dependencies: { [hostPackage.name]: hostPackage.version } };
  fs.writeFileSync(path.join(hostFolder, 'package.json'), JSON.stringify(manifest));
  await install(hostFolder, 'Installing VS Code 1.100 for the browser (about 300 MB, once)');
  await install(serverFolder, 'Installing the libraries of its server');
  await provideRipgrep();
  fs.writeFileSync(doneFile, `${hostPackage.version}\n`);
}
