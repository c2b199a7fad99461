// Prepares a stock Debian kernel with a small initial RAM disk as a guest, without root: npm run guest:debian.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeInitramfs } from './guest-debian/initramfs.mjs';
import {
  checkTools,
  download,
  Missing,
  newestKernelPackage,
  unpack,
} from './guest-debian/packages.mjs';
import { makeRootDisk } from './guest-debian/root-disk.mjs';

const usage = `Usage: npm run guest:debian -- [options]

Downloads a Debian kernel with apt, makes an initial RAM disk for it,
and puts both into .cache/guests/debian-FLAVOUR.

  --flavour NAME   cloud (default) or generic
  --with-symbols   also the kernel's System.map and vmlinux with line information (a package of 280 MB)
  --root-disk      also root.ext4, a small Debian userland on a disk
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = path.join(root, '.cache/guests');

const whatInstead = `
This needs apt and dpkg, as Debian and Ubuntu have them; nothing is installed.
Elsewhere, provide a kernel of your own:
  - vmlinuz: any x86-64 Linux kernel with a serial console (CONFIG_SERIAL_8250_CONSOLE),
  - an initial RAM disk whose /init writes to /dev/console,
and run: hyperscope run --kernel vmlinuz --initrd initrd.cpio --append console=ttyS0
`;

/** @param {readonly string[]} args */
function parseArguments(args) {
  let flavour = /** @type {'cloud' | 'generic'} */ ('cloud');
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [name, inline] = word.split('=');
    if (name === '--with-symbols' || name === '--root-disk') continue;
    const value = inline ?? rest.shift();
    if (name !== '--flavour' || (value !== 'cloud' && value !== 'generic')) return undefined;
    flavour = value;
  }
  const has = (/** @type {string} */ flag) => args.includes(flag);
  return { flavour, withSymbols: has('--with-symbols'), withRootDisk: has('--root-disk') };
}

/** @param {string} file */
function sha256(file) {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

/** The only entry of a folder whose name begins so. @param {string} folder @param {string} beginning */
function entryOf(folder, beginning) {
  const name = fs.readdirSync(folder).find((entry) => entry.startsWith(beginning));
  if (name === undefined) throw new Missing(`${folder} has no ${beginning}…`);
  return path.join(folder, name);
}

/** @param {string} file @param {string} what */
function report(file, what) {
  const size = (fs.statSync(file).size / 1e6).toFixed(1);
  console.log(`${path.relative(root, file)}  ${size} MB  ${what}`);
}

/** The daemons of the integration components, and what they stand on. @param {string} packages */
function unpackUserland(packages) {
  /** @param {string} name */
  const unpacked = (name) => {
    const folder = path.join(cache, 'unpacked', name);
    unpack(download(name, packages), folder);
    return folder;
  };
  const base = unpacked('base-files');
  return {
    daemons: unpacked('hyperv-daemons'),
    library: unpacked('libc6'),
    release: fs.readFileSync(path.join(base, 'usr/lib/os-release'), 'utf8'),
  };
}

/** @param {{ flavour: 'cloud' | 'generic', withSymbols: boolean, withRootDisk: boolean }} options */
function prepare({ flavour, withSymbols, withRootDisk }) {
  checkTools();
  const packages = path.join(cache, 'packages');
  const guest = path.join(cache, `debian-${flavour}`);
  const kernelPackage = newestKernelPackage(flavour);
  const tree = path.join(cache, 'unpacked', kernelPackage);
  const tools = path.join(cache, 'unpacked', 'busybox-static');
  unpack(download(kernelPackage, packages), tree);
  unpack(download('busybox-static', packages), tools);
  const userland = unpackUserland(packages);
  fs.mkdirSync(guest, { recursive: true });

  const kernel = path.join(guest, 'vmlinuz');
  fs.copyFileSync(entryOf(path.join(tree, 'boot'), 'vmlinuz-'), kernel);
  report(kernel, `${kernelPackage}, sha256 ${sha256(kernel)}`);

  const modules = entryOf(path.join(tree, 'lib/modules'), '');
  const { archive, moduleNames } = makeInitramfs(
    path.join(tools, 'bin/busybox'),
    modules,
    userland,
  );
  const initrd = path.join(guest, 'initrd.cpio');
  // A guest may be reading the old one.
  fs.writeFileSync(`${initrd}.new`, archive);
  fs.renameSync(`${initrd}.new`, initrd);
  report(initrd, `busybox, hyperv-daemons, and the modules ${moduleNames.join(', ')}`);

  if (withSymbols) {
    const symbols = path.join(cache, 'unpacked', `${kernelPackage}-dbg`);
    const wanted = ['./usr/lib/debug/boot/*'];
    unpack(download(`${kernelPackage}-dbg`, packages), symbols, wanted);
    for (const name of ['System.map', 'vmlinux']) {
      const link = path.join(guest, name);
      fs.rmSync(link, { force: true });
      fs.linkSync(entryOf(path.join(symbols, 'usr/lib/debug/boot'), `${name}-`), link);
      report(link, 'symbols');
    }
  }
  if (withRootDisk) {
    const image = path.join(guest, 'root.ext4');
    const count = makeRootDisk(cache, image);
    report(image, `${count} Debian packages on ext4`);
  }
  const folder = path.relative(root, guest);
  console.log(`
Run it:   dist/command-line.cjs run --kernel ${folder}/vmlinuz --initrd ${folder}/initrd.cpio \\
            --append "console=ttyS0 nokaslr cryptomgr.notests=1"
Debug it: open the folder guests/ in VS Code and start "Debian (${flavour} kernel)".`);
}

const options = parseArguments(process.argv.slice(2));
if (options === undefined) {
  const isHelp = process.argv.includes('--help');
  console.log(usage);
  process.exitCode = isHelp ? 0 : 2;
} else {
  try {
    prepare(options);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.error(`guest:debian: ${error.message}.`);
    console.error(whatInstead);
    process.exitCode = 3;
  }
}
