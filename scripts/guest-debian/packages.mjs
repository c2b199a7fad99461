// Gets Debian packages with apt and dpkg, without root: nothing is installed, they are only unpacked into the cache.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** Something that the person has to provide. */
export class Missing extends Error {}

/**
 * Output of a command.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} [folder]
 */
export function run(command, args, folder = process.cwd()) {
  const options = { cwd: folder, encoding: /** @type {const} */ ('utf8'), maxBuffer: 1 << 28 };
  const result = spawnSync(command, args, { ...options, env: { ...process.env, LC_ALL: 'C' } });
  if (result.error !== undefined) throw new Missing(`${command} was not found`);
  if (result.status === 0) return result.stdout;
  throw new Missing(`${command} ${args.join(' ')} failed:\n${result.stderr.trim()}`);
}

/** @throws {Missing} where this computer cannot get Debian packages */
export function checkTools() {
  const missing = ['apt-get', 'apt-cache', 'dpkg-deb'].filter(
    (tool) => spawnSync(tool, ['--version']).error !== undefined,
  );
  if (missing.length > 0) throw new Missing(`${missing.join(', ')} not found`);
}

/** Compares names by the numbers in them. */
const byNumbers = new Intl.Collator('en', { numeric: true }).compare;

/**
 * The newest kernel package that apt knows: of Linux 6.1 where there is one.
 * @param {'cloud' | 'generic'} flavour
 */
export function newestKernelPackage(flavour) {
  const ending = flavour === 'cloud' ? 'cloud-amd64' : 'amd64';
  for (const version of ['6\\.1\\.0-[0-9]+', '[0-9.]+[+-][0-9a-z.+]+']) {
    const pattern = `^linux-image-${version}-${ending}$`;
    const names = run('apt-cache', ['search', '--names-only', pattern])
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '')
      .filter((name) => name !== '' && (flavour === 'cloud' || !name.includes('-cloud-')))
      .sort(byNumbers);
    const newest = names.at(-1);
    if (newest !== undefined) return newest;
  }
  throw new Missing(`apt knows no package linux-image-…-${ending}; "apt-get update" may help`);
}

/** Name of a package file, from its record. @param {string} record */
function fileOfRecord(record) {
  /** @param {string} field */
  const value = (field) => new RegExp(`^${field}: (.*)$`, 'm').exec(record)?.[1] ?? '';
  const version = value('Version').replaceAll(':', '%3a');
  const name = value('Package');
  const megabytes = Math.ceil(Number(value('Size')) / 1e6);
  return { name, megabytes, file: `${name}_${version}_${value('Architecture')}.deb` };
}

/**
 * Downloads packages, as far as they are not there already.
 * @param {readonly string[]} names
 * @param {string} folder
 * @returns {readonly string[]} paths of the package files
 */
export function downloadAll(names, folder) {
  const records = run('apt-cache', ['show', '--no-all-versions', ...names])
    .split(/\n\n+/)
    .filter((record) => record.includes('Package: '))
    .map(fileOfRecord);
  const missing = records.filter(({ file }) => !fs.existsSync(path.join(folder, file)));
  if (missing.length > 0) {
    const megabytes = missing.reduce((sum, record) => sum + record.megabytes, 0);
    console.log(`downloading ${missing.map(({ name }) => name).join(', ')} (${megabytes} MB)`);
    fs.mkdirSync(folder, { recursive: true });
    const wanted = missing.map(({ name }) => name);
    run('apt-get', ['download', ...wanted], folder);
  }
  return records.map(({ file }) => {
    const deb = path.join(folder, file);
    if (fs.existsSync(deb)) return deb;
    throw new Missing(`apt-get did not bring ${file}`);
  });
}

/** Downloads one package. @param {string} name @param {string} folder */
export function download(name, folder) {
  const [deb] = downloadAll([name], folder);
  if (deb === undefined) throw new Missing(`apt knows no package ${name}`);
  return deb;
}

/**
 * Unpacks a package, or the paths of it that are named, unless that has been done already.
 * @param {string} deb
 * @param {string} folder
 * @param {readonly string[]} [paths]
 */
export function unpack(deb, folder, paths) {
  const stamp = path.join(folder, `.${path.basename(deb)}`);
  if (fs.existsSync(stamp)) return;
  fs.mkdirSync(folder, { recursive: true });
  if (paths === undefined) {
    run('dpkg-deb', ['-x', deb, folder]);
  } else {
    const tar = path.join(folder, '.data.tar');
    const output = fs.openSync(tar, 'w');
    const made = spawnSync('dpkg-deb', ['--fsys-tarfile', deb], {
      stdio: ['ignore', output, 'inherit'],
    });
    fs.closeSync(output);
    if (made.status !== 0) throw new Missing(`dpkg-deb could not read ${path.basename(deb)}`);
    run('tar', ['-x', '-f', tar, '--wildcards', ...paths], folder);
    fs.rmSync(tar);
  }
  fs.writeFileSync(stamp, '');
}
