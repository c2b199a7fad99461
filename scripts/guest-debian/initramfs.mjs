// Makes the initial RAM disk of the Debian guest: busybox, an init script, and kernel modules that wait to be loaded.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { characterDevice, cpioArchive, directory, file } from './cpio.mjs';
import { hyperVModules, loadingOrder, rootDiskModules } from './kernel-modules.mjs';

const initScript = fileURLToPath(new URL('init.sh', import.meta.url));

/** What an interactive shell says and asks. */
const profile = `PS1='guest:\\w# '
echo 'A shell in the guest; "poweroff -f" or Ctrl-D ends it.'
`;

/**
 * @param {string} busybox path of a statically linked busybox
 * @param {string} modulesFolder `lib/modules/RELEASE` of the kernel package
 */
export function makeInitramfs(busybox, modulesFolder) {
  const lists = {
    hyperv: loadingOrder(modulesFolder, hyperVModules),
    rootdisk: loadingOrder(modulesFolder, rootDiskModules),
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
    file('bin/busybox', fs.readFileSync(busybox), 0o755),
    ...[...modules].map(([name, source]) => file(`lib/modules/${name}`, fs.readFileSync(source))),
    ...Object.entries(lists).map(([name, list]) => {
      const lines = list.map((module) => `${path.basename(module.path)}\n`);
      return file(`lib/modules/${name}.order`, lines.join(''));
    }),
  ]);
  return { archive, moduleNames: lists.hyperv.map((module) => module.name) };
}
