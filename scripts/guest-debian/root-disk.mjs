// Makes an ext4 image with a small Debian userland from unpacked packages; neither root nor a mount is needed.
import fs from 'node:fs';
import path from 'node:path';
import { downloadAll, run, unpack } from './packages.mjs';

/** What the userland is made of; their dependencies come along. */
const packages = [
  'base-files',
  'base-passwd',
  'bash',
  'coreutils',
  'dash',
  'grep',
  'hostname',
  'hyperv-daemons',
  'iproute2',
  'kmod',
  'less',
  'mount',
  'procps',
  'sed',
  'util-linux',
];

/** What only installing packages needs, and the other choices of "this or that". */
const unwanted =
  /^(cdebconf|debconf|dpkg|gawk|install-info|libdebian-installer4|libelogind0|original-awk|usrmerge)$|perl|udeb/;

const imageBytes = 512 * 1024 * 1024;

const init = `#!/bin/bash
# First process of the userland on the disk: daemons, and a shell on the serial line.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=vt100
mount -o remount,rw /
mount -t tmpfs tmpfs /run
hostname hyperscope
# As the units of the package do: each where its device is.
for daemon in kvp vss fcopy; do
  [ -e /dev/vmbus/hv_$daemon ] && hv_\${daemon}_daemon
done
echo HYPERSCOPE-DISK-READY
cd /root
setsid --ctty --wait bash -i < /dev/ttyS0 > /dev/ttyS0 2>&1
poweroff
sleep 60
`;

/** What the kernel calls when the host asks for a shutdown or a restart: the file system is left clean. */
const endOfSystem = (/** @type {string} */ key) => `#!/bin/bash
kill -TERM -1
sync
for try in 1 2 3 4 5; do mount -o remount,ro / && break; sleep 0.1; done
echo ${key} > /proc/sysrq-trigger
`;

/** Every package that the wanted ones need. */
function closure() {
  const without = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const options = without.map((kind) => `--no-${kind}`);
  const names = run('apt-cache', ['depends', '--recurse', ...options, ...packages])
    .split('\n')
    .filter((line) => /^[a-z0-9][a-z0-9.+-]+$/.test(line) && !unwanted.test(line));
  return [...new Set(names)].sort();
}

/** What the scripts of the packages would have made. @param {string} tree */
function finishTree(tree) {
  for (const folder of ['dev', 'proc', 'sys', 'run', 'tmp', 'root']) {
    fs.mkdirSync(path.join(tree, folder), { recursive: true });
  }
  for (const name of ['passwd', 'group']) {
    const master = path.join(tree, `usr/share/base-passwd/${name}.master`);
    fs.copyFileSync(master, path.join(tree, 'etc', name));
  }
  const shell = path.join(tree, 'bin/sh');
  if (!fs.existsSync(shell)) fs.symlinkSync('bash', shell);
  fs.mkdirSync(path.join(tree, 'var/lib/hyperv'), { recursive: true });
  const programs = { init, poweroff: endOfSystem('o'), reboot: endOfSystem('b') };
  for (const [name, text] of Object.entries(programs)) {
    fs.writeFileSync(path.join(tree, 'sbin', name), text, { mode: 0o755 });
  }
}

/**
 * @param {string} cache folder for packages and the unpacked tree
 * @param {string} image path of the image to be written
 * @returns {number} how many packages went into it
 */
export function makeRootDisk(cache, image) {
  const tree = path.join(cache, 'root-tree');
  fs.rmSync(tree, { recursive: true, force: true });
  const names = closure();
  for (const deb of downloadAll(names, path.join(cache, 'packages'))) unpack(deb, tree);
  for (const stamp of fs.readdirSync(tree).filter((name) => /^\..*\.deb$/.test(name))) {
    fs.rmSync(path.join(tree, stamp));
  }
  finishTree(tree);
  // A guest may be reading the old one.
  const fresh = `${image}.new`;
  fs.rmSync(fresh, { force: true });
  const features = ['-E', 'lazy_itable_init=0', '-L', 'hyperscope', '-m', '0'];
  run('mke2fs', ['-q', '-t', 'ext4', ...features, '-d', tree, fresh, `${imageBytes / 1024}k`]);
  fs.renameSync(fresh, image);
  return names.length;
}
