// Checks Node's version and installs the npm packages of the repository when they are missing or out of date.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './vscode-host/paths.mjs';
import { runProcess } from './vscode-host/run-process.mjs';

/** The oldest Node that will do, as the manifest says (">=20.15"): major and minor version. */
function oldestNode() {
  const { engines } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  return numbersOf(engines.node);
}

/** Major and minor version in a text. @param {string} text */
function numbersOf(text) {
  const [major = 0, minor = 0] = (text.match(/\d+/g) ?? []).map(Number);
  return { major, minor };
}

/** What npm has installed, or 0 where it has not. */
function installedAt() {
  const file = path.join(root, 'node_modules/.package-lock.json');
  return fs.existsSync(file) ? fs.statSync(file).mtimeMs : 0;
}

/** True when the lock file asks for the packages that are installed. */
function isUpToDate() {
  const wanted = path.join(root, 'package-lock.json');
  if (installedAt() === 0) return false;
  if (installedAt() >= fs.statSync(wanted).mtimeMs) return true;
  // A checkout touches the lock file without changing it: compare what it asks for.
  const read = (/** @type {string} */ file) => JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  const installed = read(path.join(root, 'node_modules/.package-lock.json'));
  return Object.entries(read(wanted)).every(
    ([name, { version, optional }]) =>
      name === '' || optional === true || installed[name]?.version === version,
  );
}

/** Ends the process with a message where Node is too old or the packages cannot be installed. */
export async function installDependencies() {
  const oldest = oldestNode();
  const { major, minor } = numbersOf(process.versions.node);
  if (major < oldest.major || (major === oldest.major && minor < oldest.minor)) {
    const wanted = `${oldest.major}.${oldest.minor}`;
    console.error(`Hyperscope needs Node ${wanted} or newer; this is ${process.version}.`);
    process.exit(1);
  }
  if (isUpToDate()) return;
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { code, output } = await runProcess(npm, ['ci', '--ignore-scripts'], {
    cwd: root,
    label: 'Installing npm packages (about 370, once)',
  });
  if (code === 0) return;
  console.error(output.trim().split('\n').slice(-15).join('\n'));
  console.error('npm could not install the packages. It needs access to an npm registry once.');
  process.exit(1);
}
