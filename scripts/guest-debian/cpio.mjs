// Writes cpio archives in the "newc" format that the kernel unpacks as its initial RAM disk (initramfs buffer format).

/** @typedef {{ path: string, mode: number, data?: Uint8Array, device?: [major: number, minor: number] }} CpioEntry */

const fileType = { file: 0o100000, directory: 0o040000, link: 0o120000, character: 0o020000 };

/** @param {string} path @returns {CpioEntry} */
export function directory(path) {
  return { path, mode: fileType.directory | 0o755 };
}

/** @param {string} path @param {Uint8Array | string} data @param {number} [permissions] @returns {CpioEntry} */
export function file(path, data, permissions = 0o644) {
  return { path, mode: fileType.file | permissions, data: Buffer.from(data) };
}

/** @param {string} path @param {string} target @returns {CpioEntry} */
export function symbolicLink(path, target) {
  return { path, mode: fileType.link | 0o777, data: Buffer.from(target) };
}

/** @param {string} path @param {number} major @param {number} minor @returns {CpioEntry} */
export function characterDevice(path, major, minor) {
  return { path, mode: fileType.character | 0o600, device: [major, minor] };
}

/** @param {number} length */
const padding = (length) => Buffer.alloc((4 - (length % 4)) % 4);

/**
 * @param {CpioEntry} entry
 * @param {number} inode
 */
function encode({ path, mode, data = new Uint8Array(0), device = [0, 0] }, inode) {
  const isDirectory = (mode & 0o170000) === fileType.directory;
  // Inode, mode, owner, group, links, time, size, device of the file, device that it is, length of the name, checksum.
  const fields = [
    inode,
    mode,
    0,
    0,
    isDirectory ? 2 : 1,
    0,
    data.length,
    0,
    0,
    ...device,
    path.length + 1,
    0,
  ];
  const header = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  const name = Buffer.from(`${header}${path}\0`);
  return [name, padding(name.length), Buffer.from(data), padding(data.length)];
}

/**
 * An archive of the entries, each after the directory that it is in.
 * @param {readonly CpioEntry[]} entries
 */
export function cpioArchive(entries) {
  const trailer = { path: 'TRAILER!!!', mode: 0 };
  return Buffer.concat([...entries, trailer].flatMap((entry, index) => encode(entry, index + 1)));
}
