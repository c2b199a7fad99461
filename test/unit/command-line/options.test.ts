// The options of the command line, and the messages for wrong ones.
import assert from 'node:assert/strict';
import { parseCommandLine } from '../../../debug-adapter/command-line/options';
import { UserError } from '../../../debug-adapter/support/user-error';

const refused: readonly (readonly [args: readonly string[], text: RegExp])[] = [
  [['walk', 'x'], /no command "walk"/],
  [['prepare', 'x'], /"x" is one argument too many/],
  [['prepare', '--quiet'], /prepare takes no options/],
  [['run'], /No program was named/],
  [['run', 'a', 'b'], /"b" is one argument too many/],
  [['run', 'a', '--memroy', '1'], /Did you mean --memory/],
  [['run', 'a', '--memory'], /--memory needs a value/],
  [['run', 'a', '--steps', 'x'], /--steps needs a positive number/],
  [['run', 'a', '--steps', '1.5'], /--steps needs a whole number/],
  ...['--processors', '--logical-processors', '--vmbus-monitor'].flatMap((option) =>
    ['1e1', '0x2', '1.0', ' 2', '+2', '-1', '', 'two'].map(
      (text) => [['run', 'a', option, text], new RegExp(`${option} needs a whole number`)] as const,
    ),
  ),
  ...['--steps', '--until-time', '--timeout', '--checkpoint-interval', '--step-back'].map(
    (option) => [['run', 'a', option, '1e1'], new RegExp(`${option} needs a`)] as const,
  ),
  [['run', 'a', '--go-to', '1e1'], /--go-to needs a position/],
  [['run', 'a', '--disk', 'd,location=1e0'], /--disk location needs a whole number, not "1e0"/],
  [['run', 'a', '--timeout=-1'], /--timeout needs a positive number/],
  [['run', 'a', '--export-disk', 'x'], /number of the disk/],
  [['run', 'a', '--trace', 'exit'], /Did you mean "exits"/],
  [['run', 'a', '--until', ''], /--until needs a text/],
  [['run', 'a', '--quiet=yes'], /--quiet takes no value/],
];

describe('command-line options', () => {
  for (const [args, text] of refused) {
    it(`refuse ${args.join(' ')}`, () => {
      assert.throws(
        () => parseCommandLine(args),
        (error) => error instanceof UserError && text.test(error.text),
      );
    });
  }

  it('keeps unpacked kernels unless it is told not to', () => {
    for (const [text, expected] of [
      ['run --kernel vmlinuz', true],
      ['run --kernel vmlinuz --no-cache', false],
    ] as const) {
      const command = parseCommandLine(text.split(' '));
      assert.equal(command.kind === 'run' && command.options.usesCache, expected, text);
    }
  });

  it('become the launch arguments of a kernel', () => {
    const command = parseCommandLine(
      'run --kernel vmlinuz --initrd i --append quiet --processors 4 --flat 0x7c00,real --symbols a,b'.split(
        ' ',
      ),
    );
    assert.ok(command.kind === 'run');
    assert.deepEqual(command.options.launch, {
      program: 'vmlinuz',
      initrd: 'i',
      commandLine: 'quiet',
      processors: 4,
      flat: { address: '0x7c00', mode: 'real' },
      symbols: ['a', 'b'],
    });
  });

  it('say what the guest finds of VMBus, and what it is asked for', () => {
    for (const [text, launch] of [
      ['off', { program: 'a', vmbus: false }],
      ['4.1', { program: 'a', vmbusVersion: '4.1' }],
    ] as const) {
      const command = parseCommandLine(['run', 'a', '--vmbus', text, '--ask', 'time; shutdown']);
      assert.ok(command.kind === 'run');
      assert.deepEqual(command.options.launch, launch);
      assert.equal(command.options.asks.length, 2);
    }
  });

  it('are parsed in both spellings', () => {
    const command = parseCommandLine([
      'run',
      'a.elf',
      '--memory=8M',
      '--steps',
      '9',
      '--trace=exits,console',
    ]);
    assert.ok(command.kind === 'run');
    const { launch, steps, trace } = command.options;
    assert.deepEqual(launch, { program: 'a.elf', memory: '8M' });
    assert.deepEqual([steps, trace], [9, ['exits', 'console']]);
  });

  it('name several disks, and where they are to be written', () => {
    const command = parseCommandLine([
      ...['run', 'a', '--disk', 'one,two.raw', '--disk=d.vhd,controller=ide,location=2,read-only'],
      ...[
        '--disk',
        'e,write-limit=64M,detached',
        '--export-disk',
        '0=out.vhdx',
        '--export-disk=1.2=b=c',
      ],
    ]);
    assert.ok(command.kind === 'run');
    assert.deepEqual(command.options.launch['disks'], [
      { path: 'one,two.raw' },
      { path: 'd.vhd', controller: 'ide', location: 2, readOnly: true },
      { path: 'e', writeLimit: '64M', attached: false },
    ]);
    assert.deepEqual(command.options.exports, [
      { guest: 0, disk: 0, path: 'out.vhdx' },
      { guest: 1, disk: 2, path: 'b=c' },
    ]);
  });

  it('show help', () => {
    assert.deepEqual(parseCommandLine([]), { kind: 'help' });
    assert.deepEqual(parseCommandLine(['run', '--help']), { kind: 'help' });
  });
});
