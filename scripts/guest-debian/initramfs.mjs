// Makes the initial RAM disk of the Debian guest: busybox, an init script, and kernel modules that wait to be loaded.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { characterDevice, cpioArchive, directory, file } from './cpio.mjs';
import { hyperVModules, loadingOrder, networkModules, rootDiskModules } from './kernel-modules.mjs';

const initScript = fileURLToPath(new URL('init.sh', import.meta.url));

/** What an interactive shell says and asks. */
const profile = `PS1='guest:\\w# '
echo 'A shell in the guest; "poweroff -f" or Ctrl-D ends it.'
`;

/** Daemons of the integration components, by the folder of the package. */
const daemonNames = ['hv_kvp_daemon', 'hv_vss_daemon', 'hv_fcopy_daemon'];

/** What the daemons need of the C library, by the folder of its package. */
const libraries = ['lib64/ld-linux-x86-64.so.2', 'lib/x86_64-linux-gnu/libc.so.6'];

/**
 * The daemons with what they need to run.
 * @param {string} daemons folder of the unpacked package hyperv-daemons
 * @param {string} library folder of the unpacked package libc6
 * @param {string} release what the system says it is, as etc/os-release has it
 */
function daemonFiles(daemons, library, release) {
  const folders = ['lib64', 'lib/x86_64-linux-gnu', 'usr', 'usr/sbin', 'var', 'var/lib'];
  return [
    ...[...folders, 'var/lib/hyperv'].map(directory),
    file('etc/os-release', release),
    ...daemonNames.map((name) => {
      const source = path.join(daemons, 'usr/sbin', name);
      return file(`usr/sbin/${name}`, fs.readFileSync(source), 0o755);
    }),
    ...libraries.map((name) => file(name, fs.readFileSync(path.join(library, name)), 0o755)),
  ];
}

/**
 * @param {string} busybox path of a statically linked busybox
 * @param {string} modulesFolder `lib/modules/RELEASE` of the kernel package
 * @param {{ daemons: string, library: string, release: string }} userland unpacked packages, and os-release
 */
export function makeInitramfs(busybox, modulesFolder, { daemons, library, release }) {
  const lists = {
    hyperv: loadingOrder(modulesFolder, hyperVModules),
    rootdisk: loadingOrder(modulesFolder, rootDiskModules),
    network: loadingOrder(modulesFolder, networkModules),
  };
  const modules = new Map(
    Object.values(lists)
      .flat()
      .map((module) => [path.basename(module.path), module.path]),
  );
  const folders = ['bin', 'dev', 'etc', 'lib', 'lib/modules', 'mnt', 'proc', 'root', 'sys', 'tmp'];
  const archive = cpioArchive([
    ...folders.map(directory),
    characterDevice('dev/console', 5, 1),
    characterDevice('dev/null', 1, 3),
    file('init', fs.readFileSync(initScript), 0o755),
    file('etc/profile', profile),
    ...daemonFiles(daemons, library, release),
    file('bin/busybox', fs.readFileSync(busybox), 0o755),
    ...[...modules].map(([name, source]) => file(`lib/modules/${name}`, fs.readFileSync(source))),
    ...Object.entries(lists).map(([name, list]) => {
      const lines = list.map((module) => `${path.basename(module.path)}\n`);
      return file(`lib/modules/${name}.order`, lines.join(''));
    }),
  ]);
  return { archive, moduleNames: lists.hyperv.map((module) => module.name) };
}
