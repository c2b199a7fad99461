// Finds kernel modules in an unpacked kernel package, with what they depend on, in the order of their loading.
import fs from 'node:fs';
import path from 'node:path';

/** @typedef {{ name: string, path: string, depends: readonly string[] }} KernelModule */

/** Modules for the devices of a Hyper-V guest, in the order in which they are useful. */
export const hyperVModules = [
  'hv_vmbus',
  'hv_utils',
  'sd_mod',
  'hv_storvsc',
  'hv_netvsc',
  'hyperv_keyboard',
  'hid_hyperv',
  'hyperv_fb',
  'hyperv_drm',
  'hv_balloon',
  'hv_sock',
  'pci_hyperv',
];

/** Modules without which the root file system is not found on a synthetic or an emulated disk. */
export const rootDiskModules = ['hv_storvsc', 'ata_piix', 'sd_mod', 'crc32c_generic', 'ext4'];

/** An interface that leads nowhere: it has addresses that the guest can tell its host. */
export const networkModules = ['dummy'];

/** The kernel takes "-" and "_" in the name of a module as one. @param {string} text */
const moduleName = (text) => text.replaceAll('-', '_');

/** Reads `depends=` of the section .modinfo: texts, each with its final zero. @param {string} file */
function readDepends(file) {
  const text = fs.readFileSync(file).toString('latin1');
  const list = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return list
    .split(',')
    .filter((name) => name !== '')
    .map(moduleName);
}

/**
 * @param {string} folder `lib/modules/RELEASE` of the package
 * @returns {ReadonlyMap<string, string>} path by name
 */
function findModules(folder) {
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return new Map(
    files
      .filter((file) => file.endsWith('.ko'))
      .map((file) => [moduleName(path.basename(file, '.ko')), path.join(folder, file)]),
  );
}

/**
 * The modules that exist of those that are wanted, each behind those that it depends on.
 * @param {string} folder `lib/modules/RELEASE` of the package
 * @param {readonly string[]} wanted
 * @returns {readonly KernelModule[]}
 */
export function loadingOrder(folder, wanted) {
  const files = findModules(folder);
  /** @type {Map<string, KernelModule>} */
  const ordered = new Map();
  /** @param {string} name */
  const add = (name) => {
    const file = files.get(name);
    if (file === undefined || ordered.has(name)) return;
    const depends = readDepends(file);
    depends.forEach(add);
    ordered.set(name, { name, path: file, depends });
  };
  wanted.forEach(add);
  return [...ordered.values()];
}
