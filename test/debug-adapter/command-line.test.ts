// The command line as a process: messages, exit statuses, state hashes, trace files.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guestImage } from './adapter-session';

const bundle = fileURLToPath(new URL('../../dist/command-line.cjs', import.meta.url));

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [bundle, ...args], { encoding: 'utf8' });
}

describe('hyperscope run', function () {
  this.timeout(20_000);

  it('prints the console and ends with the status of the guest', () => {
    const { status, stdout, stderr } = run('run', guestImage('string-io'), '--state-hash');
    assert.equal(status, 0);
    assert.match(stdout, /All six tests passed/);
    // No line about progress: standard error is no terminal here.
    assert.match(stderr, /^[^\r\n]*exit code 0.*instructions.*\nstate hash [0-9a-f]{32}\n$/);
  });

  it('is started by a link to it, with huge pages asked for unless the person has settings of their own', function () {
    if (process.platform === 'win32') this.skip();
    const folder = mkdtempSync(join(tmpdir(), 'hyper scope '));
    const link = join(folder, 'hyperscope');
    symlinkSync(bundle, link);
    const node = dirname(process.execPath);
    const tunables = (given: Readonly<Record<string, string>>): string => {
      const { status, stdout } = spawnSync(link, ['--help'], {
        encoding: 'utf8',
        env: {
          PATH: `${node}:${process.env['PATH'] ?? ''}`,
          NODE_OPTIONS: '--import "data:text/javascript,console.log(process.env.GLIBC_TUNABLES)"',
          ...given,
        },
      });
      assert.equal(status, 0);
      assert.match(stdout, /Usage: hyperscope run/);
      return stdout.slice(0, stdout.indexOf('\n'));
    };
    try {
      assert.match(tunables({}), /glibc\.malloc\.hugetlb=1/);
      assert.equal(tunables({ GLIBC_TUNABLES: 'glibc.malloc.check=0' }), 'glibc.malloc.check=0');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('gives one state hash for one number of steps, however they are taken', () => {
    const hash = (...options: readonly string[]): string =>
      /state hash ([0-9a-f]+)/.exec(
        run('run', guestImage('hello-partition'), '--state-hash', ...options).stderr,
      )?.[1] ?? '';
    assert.equal(hash('--steps', '1000'), hash('--steps', '1000', '--trace', 'exits'));
    assert.notEqual(hash('--steps', '1000'), hash('--steps', '1001'));
  });

  it('goes to a position after the run, whatever the checkpoints', () => {
    const lastHash = (text: string): string => /.*state hash ([0-9a-f]+)/s.exec(text)?.[1] ?? '';
    const guest = guestImage('hello-partition');
    const there = run('run', guest, '--steps', '1000', '--state-hash');
    for (const interval of ['64', '1000000']) {
      const { stdout, stderr, status } = run(
        ...['run', guest, '--go-to', '1000', '--checkpoint-interval', interval],
      );
      assert.equal(status, 0);
      assert.equal(lastHash(stderr), lastHash(there.stderr));
      assert.match(stderr, /At position 1000, \d+ ns:\np2 processor 0: rax=0x/);
      assert.equal(stdout.match(/Hello from/g)?.length, 1);
    }
  });

  it('goes back to a breakpoint after the run, and steps back from there', () => {
    const guest = guestImage('hello-partition');
    const place = (text: string): readonly (string | undefined)[] => {
      const found = /At position (\d+), .*?rip=(0x[0-9a-f]+).*state hash ([0-9a-f]+)/s.exec(text);
      return [found?.[1], found?.[2], found?.[3]];
    };
    const back = run('run', guest, '--back-to', 'print_string', '--checkpoint-interval', '512');
    assert.equal(back.status, 0, back.stderr);
    assert.match(back.stderr, /Stopped at a breakpoint\./);
    const [position, rip, hash] = place(back.stderr);
    const there = run('run', guest, '--steps', position ?? '', '--go-to', position ?? '');
    assert.deepEqual(place(there.stderr), [position, rip, hash]);
    const before = run('run', guest, '--back-to', 'print_string', '--step-back', '1');
    const [callPosition, callRip, callHash] = place(before.stderr);
    assert.equal(Number(callPosition), Number(position) - 1);
    assert.notEqual(callRip, rip);
    const call = run('run', guest, '--steps', callPosition ?? '', '--state-hash');
    assert.match(call.stderr, new RegExp(`state hash ${callHash}`));
    const event = run('run', guest, '--back-to', 'hypercall:HvCallNotifyLongSpinWait');
    assert.match(event.stderr, /Stopped at HvCallNotifyLongSpinWait: VM exit \d+, VMCALL/);
    const beginning = run('run', guest, '--steps', '100', '--step-back', '1000');
    assert.match(
      beginning.stderr,
      /The recording begins \d+ instructions before\.\nAt position 0,/,
    );
  });

  const ends: readonly (readonly [args: readonly string[], status: number, text: RegExp])[] = [
    [[guestImage('triple-fault')], 3, /triple fault/],
    [[guestImage('unimplemented')], 3, /fsin/],
    [[guestImage('spin'), '--timeout', '0.3'], 124, /Timed out/],
    [[guestImage('spin'), '--until-time', '100000'], 0, /100000 ns/],
    [[guestImage('hello-partition'), '--until', 'VP index'], 0, /console showed/],
    [[guestImage('hello-partition'), '--until', 'never'], 3, /never showed "never"/],
    [['nowhere.elf'], 2, /no file nowhere\.elf/],
    [[guestImage('spin'), '--memory', '1K'], 2, /"memory" is 1K/],
    [[guestImage('spin'), '--trace-file', '/nowhere/x'], 2, /Cannot write/],
    [[guestImage('spin'), '--steps', '9', '--go-to', '-3'], 2, /--go-to needs a position/],
    [[guestImage('hello-partition'), '--back-to', 'nosuch'], 1, /no symbol "nosuch"/],
    [[guestImage('hello-partition'), '--back-to', '*0x10'], 1, /nothing reached "\*0x10"/],
    [['--nosuch'], 2, /no option --nosuch/],
  ];
  for (const [args, status, text] of ends) {
    it(`ends ${args.map((arg) => arg.split('/').at(-1)).join(' ')} with ${status}`, () => {
      const result = run('run', ...args);
      assert.match(result.stderr, text);
      assert.equal(result.status, status);
    });
  }

  it('writes the trace as JSON lines', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hyperscope-'));
    try {
      const file = join(folder, 'trace.jsonl');
      run(
        'run',
        guestImage('hello-partition'),
        '--quiet',
        '--trace-file',
        file,
        '--trace',
        'hypercalls',
      );
      const rows = readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      // The parent's calls that made the guest come first, then the guest's own.
      assert.match(rows[0].text, /HvCallCreatePartition/);
      assert.equal(rows[0].partition, 1);
      const own = rows.find(({ partition }) => partition === 2);
      assert.match(own?.text ?? '', /HvCallNotifyLongSpinWait/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('preparing', function () {
  this.timeout(30_000);

  for (const [name, argument] of [
    ['command-line', 'prepare'],
    ['debug-adapter', '--prepare'],
  ] as const) {
    it(`${name} ${argument} leaves the program and the interpreter for later runs, and nothing of a guest`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'hyperscope-prepared-'));
      try {
        const env = { ...process.env, XDG_CACHE_HOME: folder, LOCALAPPDATA: folder, HOME: folder };
        const program = join(bundle, `../${name}.cjs`);
        const prepare = (): readonly string[] => {
          const { status, stdout, stderr } = spawnSync(process.execPath, [program, argument], {
            encoding: 'utf8',
            env,
          });
          assert.deepEqual([status, stdout, stderr], [0, '', '']);
          const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
          return names
            .filter((each) => /[.](compiled|translated)$/.test(each))
            .map((each) => basename(each))
            .sort();
        };
        const names = prepare();
        assert.equal(names.length, 2, names.join(' '));
        const compiled = new RegExp(`^${name}-\\S+[.]compiled interpreter-\\S+[.]translated$`);
        assert.match(names.join(' '), compiled);
        assert.deepEqual(prepare(), names);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});
