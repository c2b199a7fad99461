// The command line with a stock kernel: how a run ends, what it writes, and what is refused.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { debianFiles, guestCommandLine, guestFiles } from './debian-guest';

const bundle = fileURLToPath(new URL('../../dist/command-line.cjs', import.meta.url));
const { kernel, initrd } = guestFiles;

function run(...args: readonly string[]) {
  const options = { encoding: 'utf8', maxBuffer: 1 << 26 } as const;
  return spawnSync(process.execPath, [bundle, 'run', ...args], options);
}

function boot(...args: readonly string[]) {
  const guest = ['--kernel', kernel, '--initrd', initrd, '--append', guestCommandLine];
  return run(...guest, ...args);
}

describe('hyperscope run --kernel', function () {
  this.timeout(240_000);
  let folder = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-'));
    const { image, initrd: disk } = debianFiles();
    const files: readonly (readonly [name: string, bytes: Uint8Array])[] = [
      ['empty', new Uint8Array(0)],
      ['text', new TextEncoder().encode('This is not a kernel.\n'.repeat(100))],
      ['headless', image.bytes.slice(0, 1000)],
      ['truncated', image.bytes.slice(0, image.bytes.length >> 1)],
      ['damaged', image.bytes.slice().fill(0x5a, image.bytes.length >> 1)],
      ['broken-initrd', disk.bytes.slice(0, 5000)],
      ['broken-initrd.gz', gzipSync(disk.bytes).subarray(0, 100_000)],
    ];
    for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
  });
  after(() => rmSync(folder, { recursive: true }));

  it('ends when the console has shown a text', () => {
    const { status, stdout, stderr } = boot('--until', 'Hypervisor detected: Microsoft Hyper-V');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /Hypervisor detected: Microsoft Hyper-V/);
    assert.match(stderr, /The console showed "Hypervisor detected: Microsoft Hyper-V"/);
  });

  it('has one state hash at a virtual moment, whatever is traced, and writes the trace', () => {
    const untilTime = ['--until-time', '100000000', '--state-hash', '--processors', '2'];
    const plain = boot(...untilTime);
    const file = join(folder, 'trace.jsonl');
    const trace = ['--trace', 'exits,hypercalls', '--trace-file', file];
    const traced = boot(...untilTime, ...trace);
    assert.equal(plain.status, 0, plain.stderr);
    assert.match(plain.stderr, /^100000000 ns of virtual time have passed\. .* steps, 100\d{6} ns/);
    assert.match(plain.stderr, /\nstate hash [0-9a-f]{32}\n$/);
    assert.equal(traced.stderr, plain.stderr);
    const rows = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const kinds = new Set(rows.map(({ kind }) => kind));
    assert.ok(kinds.has('vm-exit') && rows.length > 1000, `${rows.length} rows`);
    const positions = rows.map(({ position }) => position);
    assert.deepEqual(
      positions,
      [...positions].sort((a, b) => a - b),
    );
  });

  it('has the same state hash with the code that an earlier process has translated, and without', () => {
    const ours = { ...process.env, XDG_CACHE_HOME: folder, LOCALAPPDATA: folder, HOME: folder };
    const options = { encoding: 'utf8', maxBuffer: 1 << 26, env: ours } as const;
    const guest = ['--kernel', kernel, '--initrd', initrd, '--append', guestCommandLine];
    const untilTime = ['--until-time', '100000000', '--state-hash'];
    const [first, second, without] = [[], [], ['--no-cache']].map((more) =>
      spawnSync(process.execPath, [bundle, 'run', ...guest, ...untilTime, ...more], options),
    );
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    assert.equal(files.filter((name) => name.endsWith('.translated')).length, 2, `${files}`);
    assert.match(first?.stderr ?? '', /\nstate hash [0-9a-f]{32}\n$/);
    assert.equal(second?.stderr, first?.stderr);
    assert.equal(without?.stderr, first?.stderr);
  });

  it('goes back to a function of the kernel by its name, wherever the kernel has moved itself', () => {
    const text = 'Booting paravirtualized';
    const addresses = (['host', 'guest'] as const).map((unpack) => {
      const back = ['--back-to', 'console_unlock', '--unpack', unpack];
      const line = guestCommandLine.replace('nokaslr', '');
      const { status, stdout, stderr } = boot('--append', line, '--until', text, ...back);
      assert.equal(status, 0, stderr);
      assert.equal(stdout.split(text).length, 2, 'the past is silent');
      assert.match(stderr, /Stopped at a breakpoint\.\nAt position \d+, \d+ ns:\n/);
      return BigInt(/ rip=(0x[0-9a-f]+)/.exec(stderr)?.[1] ?? 0);
    });
    const [linked = 0n, moved = 0n] = addresses;
    const alignment = 0x200000n;
    assert.ok(linked > 0xffffffff80000000n && moved !== linked, `${addresses}`);
    assert.equal(moved % alignment, linked % alignment);
  });

  it('ends with 4 and the report where the guest crashes, here for want of a root file system', () => {
    const { status, stdout, stderr } = run('--kernel', kernel, '--append', guestCommandLine);
    assert.equal(status, 4, stderr);
    assert.match(stdout, /Kernel panic - not syncing: VFS: Unable to mount root fs/);
    assert.match(stderr, /crash/);
  });

  const refused: readonly (readonly [
    title: string,
    args: () => readonly string[],
    text: RegExp,
  ])[] = [
    ['no such kernel', () => ['--kernel', join(folder, 'none')], /no file .*none/],
    ['an empty kernel', () => ['--kernel', join(folder, 'empty')], /empty/],
    ['a text as kernel', () => ['--kernel', join(folder, 'text')], /text/],
    ['a kernel cut in its header', () => ['--kernel', join(folder, 'headless')], /headless/],
    ['half a kernel', () => ['--kernel', join(folder, 'truncated')], /truncated/],
    ['a damaged kernel', () => ['--kernel', join(folder, 'damaged')], /damaged.* unpack/],
    [
      'a RAM disk cut in a file',
      () => ['--initrd', join(folder, 'broken-initrd')],
      /broken-initrd.*cpio/,
    ],
    [
      'a compressed RAM disk that is cut',
      () => ['--initrd', join(folder, 'broken-initrd.gz')],
      /broken-initrd.gz.*unpacked.*"initrd"/,
    ],
    ['no such RAM disk', () => ['--initrd', join(folder, 'none')], /none.*initrd/s],
    ['memory for no kernel', () => ['--memory', '2M'], /memory|MiB/],
    ['no memory', () => ['--memory', '0'], /"memory"/],
    ['a petabyte', () => ['--memory', '1048576G'], /"memory"/],
    ['memory in words', () => ['--memory', 'plenty'], /"memory"/],
    ['no processors', () => ['--processors', '0'], /"processors"/],
    ['too many processors', () => ['--processors', '65'], /"processors"/],
    ['half a processor', () => ['--processors', '1.5'], /--processors needs a whole number/],
    ['a line that is too long', () => ['--append', 'x'.repeat(5000)], /"commandLine"/],
    ['an unknown format', () => ['--format', 'windows'], /"format"/],
    ['an unknown option', () => ['--kernle', kernel], /no option --kernle.*--kernel/s],
  ];
  for (const [title, args, text] of refused) {
    it(`refuses ${title}`, () => {
      const { status, stderr } = boot('--steps', '1', ...args());
      assert.match(stderr, text);
      assert.equal(status, 2, stderr);
    });
  }
});
