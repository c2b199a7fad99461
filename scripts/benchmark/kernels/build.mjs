// Builds the kernels' images with gcc: `node scripts/benchmark/kernels/build.mjs`. The images are kept with the sources.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const images = join(here, 'images');
const plain = ['-O2', '-ffreestanding', '-fno-builtin', '-fno-tree-loop-distribute-patterns'];
const bare = ['-mgeneral-regs-only', '-fno-pic', '-fno-stack-protector', '-fcf-protection=none'];
const quiet = [
  '-fno-asynchronous-unwind-tables',
  '-fno-optimize-sibling-calls',
  '-Wall',
  '-Werror',
];
/** GCC would unroll the recursion several levels deep. */
const recursion = ['-fno-inline', '-fno-inline-functions', '-fno-tree-tail-merge'];

/**
 * Runs a tool and ends with its message where it fails.
 * @param {string} tool
 * @param {readonly string[]} args
 */
function run(tool, args) {
  const result = spawnSync(tool, args, { cwd: here, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${tool} ${args.join(' ')}\n${result.stderr}`);
}

const scratch = mkdtempSync(join(tmpdir(), 'kernels-'));
try {
  mkdirSync(images, { recursive: true });
  const kernels = readdirSync(here)
    .filter((name) => name.endsWith('.c') && name !== 'main.c')
    .map((name) => basename(name, '.c'));
  for (const bits of [64, 32]) {
    const mode = [`-m${bits}`, ...(bits === 64 ? ['-mno-red-zone', '-mcmodel=small'] : [])];
    const start = join(scratch, `start${bits}.o`);
    run('gcc', [`-m${bits}`, '-c', `start${bits}.s`, '-o', start]);
    for (const kernel of kernels) {
      const objects = ['main', kernel].map((name) => {
        const object = join(scratch, `${name}.o`);
        run('gcc', [
          ...plain,
          ...bare,
          ...quiet,
          ...recursion,
          ...mode,
          '-c',
          `${name}.c`,
          '-o',
          object,
        ]);
        return object;
      });
      const format = bits === 64 ? 'elf_x86_64' : 'elf_i386';
      const layout = ['-m', format, '-static', '-s', '--build-id=none', '-z', 'max-page-size=4096'];
      const image = join(images, `${kernel}-${bits}.elf`);
      run('ld', [
        ...layout,
        '--no-warn-rwx-segments',
        '-T',
        'kernel.ld',
        '-o',
        image,
        start,
        ...objects,
      ]);
      console.log(`written ${image.slice(here.length + 1)}`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
}
