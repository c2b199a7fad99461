// Launch arguments: what is accepted, what is refused, and that the manifest knows the same.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  launchArgumentsJsonSchema,
  parseLaunchArguments,
} from '../../../debug-adapter/launch/launch-arguments';
import { UserError } from '../../../debug-adapter/support/user-error';

const refused: readonly (readonly [title: string, input: unknown, id: string, text: RegExp])[] = [
  ['no object', 7, 'launch-argument-shape', /no object/],
  ['a list', [], 'launch-argument-shape', /no object/],
  ['nothing', {}, 'launch-argument-program', /"program" is missing/],
  ['an empty program', { program: ' ' }, 'launch-argument-program', /"program" is missing/],
  ['a numeric program', { program: 1 }, 'launch-argument-program', /"program"/],
  ['an unknown key', { program: 'a', memry: 1 }, 'launch-argument-unknown', /"memry".*"memory"/],
  ['a strange key', { program: 'a', zzzzzz: 1 }, 'launch-argument-unknown', /Known are: program/],
  [
    'two processors',
    { program: 'a', processors: 65 },
    'launch-argument-processors',
    /from 1 to 64/,
  ],
  ['little memory', { program: 'a', memory: '4K' }, 'launch-argument-memory', /too little/],
  ['much memory', { program: 'a', memory: '8G' }, 'launch-argument-memory', /more than/],
  ['odd memory', { program: 'a', memory: '2.0001M' }, 'launch-argument-memory', /whole number/],
  ['no memory', { program: 'a', memory: 'lots' }, 'launch-argument-memory', /no size/],
  ['half a processor', { program: 'a', processors: 1.5 }, 'launch-argument-processors', /from 1/],
  ['an unknown format', { program: 'a', format: 'elf' }, 'launch-argument-format', /sample-guest/],
  ['an unknown unpacker', { program: 'a', unpack: 'me' }, 'launch-argument-unpack', /host/],
  [
    'a place for no flat image',
    { program: 'a', flat: { address: 1 } },
    'launch-argument-flat',
    /"format"/,
  ],
  [
    'no address',
    { program: 'a', format: 'flat', flat: { address: 'x' } },
    'launch-argument-flat',
    /address "x"/,
  ],
  [
    'an address with an exponent',
    { program: 'a', format: 'flat', flat: { address: '1e4' } },
    'launch-argument-flat',
    /address "1e4"/,
  ],
  ['no time', { program: 'a', bootTime: 'noon' }, 'launch-argument-bootTime', /"noon"/],
  [
    'an early time',
    { program: 'a', bootTime: '1950-01-01T00:00:00Z' },
    'launch-argument-bootTime',
    /1970/,
  ],
  ['a disk without a path', { program: 'a', disks: [{}] }, 'launch-argument-disks', /disks/],
  [
    'an unknown controller',
    { program: 'a', disks: [{ path: 'd', controller: 'floppy' }] },
    'launch-argument-disks',
    /disks\.0/,
  ],
  [
    'a disk that keeps nothing',
    { program: 'a', disks: [{ path: 'd', writeLimit: 0 }] },
    'launch-argument-disks',
    /too little/,
  ],
  [
    'a disk that keeps everything',
    { program: 'a', disks: [{ path: 'd', writeLimit: '1000G' }] },
    'launch-argument-disks',
    /more than can be kept/,
  ],
  ['memory as list', { program: 'a', memory: [] }, 'launch-argument-memory', /"memory" is wrong/],
  ['a wrong flag', { program: 'a', stopOnEntry: 'yes' }, 'launch-argument-stopOnEntry', /boolean/],
  [
    'a wrong syntax',
    { program: 'a', disassemblySyntax: 'x' },
    'launch-argument-disassemblySyntax',
    /intel/,
  ],
  [
    'a wrong map',
    { program: 'a', sourceMap: { a: 1 } },
    'launch-argument-sourceMap',
    /sourceMap\.a/,
  ],
  ['no guests', { guests: [] }, 'launch-argument-guests', /"guests" is wrong/],
  [
    'a guest beside guests',
    { program: 'a', guests: [{ program: 'b' }] },
    'launch-argument-program',
    /single guest/,
  ],
  [
    'memory beside guests',
    { memory: 4, guests: [{ program: 'b' }] },
    'launch-argument-memory',
    /single guest/,
  ],
  ['a guest without program', { guests: [{}] }, 'launch-argument-program', /"program"/],
  [
    'one name twice',
    {
      guests: [
        { program: 'a', name: 'x' },
        { program: 'b', name: 'x' },
      ],
    },
    'launch-argument-guests',
    /Two guests/,
  ],
  [
    'a short line',
    { program: 'a', console: { lineLength: 1 } },
    'launch-argument-console',
    /console\.lineLength/,
  ],
];

describe('launch arguments', () => {
  it('fill in what is left out', () => {
    assert.deepEqual(parseLaunchArguments({ program: '/guests/hello-partition.elf' }), {
      guests: [
        {
          program: '/guests/hello-partition.elf',
          partitionName: 'hello-partition',
          memoryBytes: undefined,
          format: 'auto',
          initrd: undefined,
          unpack: 'host',
          symbols: [],
          flat: undefined,
          bootTime: undefined,
          vmbus: true,
          la57: false,
          vmbusMonitorNs: undefined,
          vmbusVersion: 0x50003,
          disks: [],
          processors: 1,
          commandLine: '',
          share: undefined,
          onReset: 'restart',
          onTripleFault: 'stop',
        },
      ],
      logicalProcessors: undefined,
      stopOnEntry: true,
      stopAtEnd: true,
      sourceMap: [],
      disassemblySyntax: 'intel',
      consoleLineLength: 4096,
      consoleLinesPerSecond: 2000,
      consoleLocation: 'debugConsole',
      isPaced: true,
    });
  });

  it('take disks as paths or as objects', () => {
    const ide = { path: 'b', controller: 'ide', location: 1, readOnly: true, writeLimit: '4G' };
    const disks = ['root.vhdx', ide];
    const usual = {
      ...{ controller: 'scsi', location: undefined, isReadOnly: false, isAttached: true },
      writtenBytesMaximum: undefined,
    };
    assert.deepEqual(parseLaunchArguments({ program: 'a', disks }).guests[0]?.disks, [
      { ...usual, path: 'root.vhdx' },
      {
        ...{ path: 'b', controller: 'ide', location: 1, isReadOnly: true, isAttached: true },
        writtenBytesMaximum: 4 * 2 ** 30,
      },
    ]);
  });

  const sizes: readonly (readonly [given: number | string, bytes: number])[] = [
    [2, 2 << 20],
    ['64M', 64 << 20],
    ['64 MiB', 64 << 20],
    ['4096k', 4 << 20],
    ['1G', 1 << 30],
    ['128', 128 << 20],
  ];
  for (const [given, bytes] of sizes) {
    it(`take ${JSON.stringify(given)} as ${bytes} bytes of memory`, () => {
      assert.equal(
        parseLaunchArguments({ program: 'a', memory: given }).guests[0]?.memoryBytes,
        bytes,
      );
    });
  }

  it('leave the keys of the editor alone', () => {
    const input = {
      program: 'a',
      name: 'x',
      type: 'hyperscope',
      request: 'launch',
      __sessionId: '1',
    };
    assert.equal(parseLaunchArguments(input).guests[0]?.partitionName, 'a');
  });

  it('list several guests, and tell those of one program apart', () => {
    const { guests } = parseLaunchArguments({
      guests: [
        { program: '/a/spin.elf' },
        { program: '/b/spin.elf', memory: '4M', processors: 2 },
        { program: '/a/spin.elf', name: 'third' },
      ],
    });
    assert.deepEqual(
      guests.map(({ partitionName, processors, memoryBytes }) => ({
        partitionName,
        processors,
        memoryBytes,
      })),
      [
        { partitionName: 'spin', processors: 1, memoryBytes: undefined },
        { partitionName: 'spin 2', processors: 2, memoryBytes: 4 << 20 },
        { partitionName: 'third', processors: 1, memoryBytes: undefined },
      ],
    );
  });

  it('keep the order of the source map', () => {
    const { sourceMap } = parseLaunchArguments({
      program: 'a',
      sourceMap: { '/b': '/x', '/a': '/y' },
    });
    assert.deepEqual(sourceMap, [
      { from: '/b', to: '/x' },
      { from: '/a', to: '/y' },
    ]);
  });

  for (const [title, input, id, text] of refused) {
    it(`refuse ${title}`, () => {
      assert.throws(
        () => parseLaunchArguments(input),
        (error) => error instanceof UserError && error.id === id && text.test(error.text),
      );
    });
  }

  it('are described in the manifest as they are checked', () => {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    const manifest: { contributes: { debuggers: { configurationAttributes: unknown }[] } } =
      JSON.parse(text);
    assert.deepEqual(manifest.contributes.debuggers[0]?.configurationAttributes, {
      launch: launchArgumentsJsonSchema(),
    });
  });
});
