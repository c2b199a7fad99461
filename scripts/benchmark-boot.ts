// `npm run benchmark:boot`: a stock Debian kernel to its first user process, beside QEMU's TCG, side by side in one run.
// Options: --flavour=cloud,generic  --processors=1,2,4,8  --rounds=3  --append=TEXT  --memory=512  --write
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { measureUntil, type ProcessCost } from './boot-benchmark/measured-process';
import { root } from './vscode-host/paths.mjs';

const marker = 'HYPERSCOPE-GUEST-READY';
const timeoutSeconds = 300;
const adapter = join(root, 'dist/command-line.cjs');
const qemu = 'qemu-system-x86_64';

interface Options {
  readonly flavours: readonly string[];
  readonly processors: readonly number[];
  readonly rounds: number;
  readonly append: string;
  readonly memoryMiB: number;
  readonly writes: boolean;
}

interface BootCase {
  readonly flavour: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly processors: number;
}

/** Engines by name: the command that boots a case. */
type Engine = (boot: BootCase, options: Options) => readonly [string, readonly string[]];

const engines: Readonly<Record<string, Engine>> = {
  'hyperscope, cold': (boot, options) => ours(boot, options, ['--no-cache']),
  hyperscope: (boot, options) => ours(boot, options),
  'QEMU TCG': ({ kernel, initrd, processors }, { append, memoryMiB }) => [
    qemu,
    [
      ...['-accel', 'tcg,thread=single', '-m', `${memoryMiB}`, '-smp', `${processors}`],
      ...['-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-no-reboot', '-nodefaults'],
      ...['-kernel', kernel, '-initrd', initrd, '-append', append],
    ],
  ],
};

function ours(
  { kernel, initrd, processors }: BootCase,
  { append, memoryMiB }: Options,
  more: readonly string[] = [],
): readonly [string, readonly string[]] {
  const args = ['run', '--kernel', kernel, '--initrd', initrd, '--append', append];
  const sizes = ['--memory', `${memoryMiB}`, '--processors', `${processors}`];
  return [process.execPath, [adapter, ...args, ...sizes, ...more, '--until', marker]];
}

function parseOptions(texts: readonly string[]): Options {
  const given = new Map(
    texts
      .map((text) => text.replace(/^--/, '').split(/=(.*)/s, 2))
      .map(([name = '', value = '']) => [name, value]),
  );
  return {
    flavours: (given.get('flavour') ?? 'cloud').split(','),
    processors: (given.get('processors') ?? '1').split(',').map(Number),
    rounds: Number(given.get('rounds') ?? 3),
    append: given.get('append') ?? 'console=ttyS0',
    memoryMiB: Number(given.get('memory') ?? 512),
    writes: given.has('write'),
  };
}

/** The files that `npm run guest:debian` has made. */
function bootFiles(flavour: string): Pick<BootCase, 'kernel' | 'initrd'> {
  execFileSync(process.execPath, [join(root, 'scripts/guest-debian.mjs'), '--flavour', flavour], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const folder = join(root, '.cache/guests', `debian-${flavour}`);
  const find = (pattern: RegExp): string => {
    const name = existsSync(folder)
      ? readdirSync(folder).find((file) => pattern.test(file))
      : undefined;
    if (name === undefined)
      throw new Error(`${folder} has no ${pattern.source}: npm run guest:debian`);
    return join(folder, name);
  };
  return { kernel: find(/^vmlinuz/), initrd: find(/^initrd/) };
}

/** The median by processor time. */
function median(costs: readonly ProcessCost[]): ProcessCost {
  const sorted = [...costs].sort((a, b) => a.cpuSeconds - b.cpuSeconds);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

async function measureCase(
  boot: BootCase,
  options: Options,
): Promise<ReadonlyMap<string, readonly ProcessCost[]>> {
  const samples = new Map<string, ProcessCost[]>(Object.keys(engines).map((name) => [name, []]));
  // Fills the cache, at its end.
  const [filler, fillerArguments] = ours(boot, options);
  execFileSync(filler, fillerArguments, { stdio: 'ignore' });
  for (let round = 0; round < options.rounds; round++) {
    for (const [name, engine] of Object.entries(engines)) {
      const [command, args] = engine(boot, options);
      const cost = await measureUntil({ command, args, marker, timeoutSeconds });
      samples.get(name)?.push(cost);
      console.error(
        `${boot.flavour} ${boot.processors} ${name}: ${cost.wallSeconds.toFixed(2)} s, ${cost.cpuSeconds.toFixed(2)} s of processor time`,
      );
    }
  }
  return samples;
}

function rowsOf(
  boot: BootCase,
  samples: ReadonlyMap<string, readonly ProcessCost[]>,
): readonly string[] {
  const base = median(samples.get('QEMU TCG') ?? []);
  return [...samples].map(([name, costs]) => {
    const { wallSeconds, cpuSeconds, peakMiB } = median(costs);
    const cells = [
      boot.flavour,
      boot.processors,
      name,
      wallSeconds.toFixed(2),
      cpuSeconds.toFixed(2),
      (wallSeconds / base.wallSeconds).toFixed(2),
      (cpuSeconds / base.cpuSeconds).toFixed(2),
      peakMiB.toFixed(0),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

const options = parseOptions(process.argv.slice(2));
const table = [
  '| kernel | processors | engine | wall s | CPU s | wall / QEMU | CPU / QEMU | peak MiB |',
  '| ------ | ---------: | ------ | -----: | ----: | ----------: | ---------: | -------: |',
];
const raw: object[] = [];
for (const flavour of options.flavours) {
  const files = bootFiles(flavour);
  for (const processors of options.processors) {
    const boot = { flavour, processors, ...files };
    const samples = await measureCase(boot, options);
    table.push(...rowsOf(boot, samples));
    raw.push({ flavour, processors, samples: Object.fromEntries(samples) });
  }
}
const version = execFileSync(qemu, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
  cwd: root,
  encoding: 'utf8',
}).trim();
const facts = [
  `- command: \`npm run benchmark:boot -- ${process.argv.slice(2).join(' ')}\``,
  `- machine: ${cpus()[0]?.model ?? '?'}, ${cpus().length} processors; Node ${process.version}, ${version}`,
  `- commit ${commit}; ${options.memoryMiB} MiB, command line \`${options.append}\`; medians of ${options.rounds} interleaved rounds`,
];
console.log([...facts, '', ...table].join('\n'));
if (options.writes) {
  const text = [
    '# Booting a stock Debian kernel',
    '',
    'From the start of the process to the first line of the first user process. Each run is a process of its own.',
    '"Cold" has nothing of earlier runs; otherwise one has left the unpacked kernel and translated code.',
    '',
    ...facts,
    '',
    ...table,
    '',
  ];
  writeFileSync(join(root, 'debug-adapter/BOOT-BENCHMARKS.md'), text.join('\n'));
  writeFileSync(
    join(root, 'scripts/benchmark/results/boot-samples.json'),
    `${JSON.stringify(raw)}\n`,
  );
}
