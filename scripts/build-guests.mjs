// Assembles the sample guests and generates the constants they include; `--check` only compares.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const includePath = 'guests/include/hyperscope.inc';
const linkerScript = 'guests/sample-guest.ld';
const tools = ['as', 'ld', 'nm', 'objcopy'];

/** The prebuilt images were made with this version; another one may choose other encodings. */
const referenceBinutils = '2.40';

const exitCode = { same: 0, different: 1, toolsMissing: 3 };

/**
 * Runs a tool in the repository's root; its output, or an exception with what it said.
 * @param {string} tool
 * @param {readonly string[]} args
 */
function run(tool, args) {
  const result = spawnSync(tool, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (result.status !== 0) throw new Error(`${tool} ${args.join(' ')}\n${result.stderr}`);
  return result.stdout;
}

/** Every folder of `guests/` with a source of the same name. */
function guestNames() {
  return readdirSync(join(root, 'guests'))
    .filter((name) => existsSync(join(root, 'guests', name, `${name}.s`)))
    .sort();
}

/**
 * Bytes of a guest's executable. Names in the debug information are relative to the repository, and
 * constants are left out of the symbol table: they are no addresses.
 * @param {string} name
 * @param {number} loadGpa
 * @param {string} scratch
 */
function assembleGuest(name, loadGpa, scratch) {
  const object = join(scratch, `${name}.o`);
  const image = join(scratch, `${name}.elf`);
  const source = `guests/${name}/${name}.s`;
  const include = ['-I', 'guests/include'];
  run('as', [
    '--64',
    '--gdwarf-5',
    '--fatal-warnings',
    `--debug-prefix-map=${root}=.`,
    ...include,
    '-o',
    object,
    source,
  ]);
  const layout = ['-T', linkerScript, '--defsym', `LOAD_GPA=0x${loadGpa.toString(16)}`];
  const separate = ['-z', 'separate-code', '-z', 'max-page-size=4096', '-z', 'noexecstack'];
  const plain = ['-m', 'elf_x86_64', '-static', '--build-id=none', ...separate];
  run('ld', [...plain, ...layout, '-o', image, object]);
  const constants = run('nm', [image])
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, kind]) => kind === 'a' || kind === 'A')
    .map(([, , symbol]) => symbol);
  if (constants.length > 0)
    run('objcopy', [...constants.flatMap((symbol) => ['-N', symbol]), image]);
  return readFileSync(image);
}

/**
 * Writes `wanted`, or with `check` compares; true where the file already held it.
 * @param {string} path
 * @param {Buffer} wanted
 * @param {boolean} check
 */
function settle(path, wanted, check) {
  const absolute = join(root, path);
  const same = existsSync(absolute) && readFileSync(absolute).equals(wanted);
  if (!same && !check) writeFileSync(absolute, wanted);
  const verb = same ? 'unchanged' : check ? 'DIFFERENT' : 'written';
  console.log(`${verb.padEnd(10)} ${path}`);
  return same;
}

function missingTools() {
  return tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
}

async function main() {
  const check = process.argv.includes('--check');
  register();
  const { sampleGuest } = await import('../debug-adapter/spec/sample-guest.ts');
  const { sampleGuestConstants } = await import('./sample-guest-constants.ts');
  let same = settle(includePath, Buffer.from(sampleGuestConstants()), check);

  const missing = missingTools();
  if (missing.length > 0) {
    console.log(
      `The guests were not ${check ? 'compared' : 'built'}: ${missing.join(', ')} not found.`,
    );
    console.log(
      'Install GNU binutils (Debian and Ubuntu: apt-get install binutils). The prebuilt images still work.',
    );
    return same ? exitCode.toolsMissing : exitCode.different;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'guests-'));
  try {
    for (const name of guestNames()) {
      const image = assembleGuest(name, sampleGuest.loadGpa, scratch);
      same = settle(`guests/${name}/${name}.elf`, image, check) && same;
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  if (same || !check) return exitCode.same;
  const version = run('as', ['--version']).split('\n')[0];
  console.log(
    `Run node scripts/build-guests.mjs. The images were made with binutils ${referenceBinutils}; this is: ${version}`,
  );
  return exitCode.different;
}

process.exitCode = await main();
