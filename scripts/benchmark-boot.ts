// `npm run benchmark:boot`: a stock Debian kernel to its first user process, beside QEMU's TCG, side by side in one run.
// Options: --flavour=cloud,generic  --processors=1,2,4,8  --rounds=3  --append=TEXT  --memory=512  --write
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { machineName } from './benchmark/committed-ratios';
import { measureUntil, type ProcessCost } from './boot-benchmark/measured-process';
import { root } from './vscode-host/paths.mjs';

const marker = 'HYPERSCOPE-GUEST-READY';
const timeoutSeconds = 300;
/** Started as a person does: by its own name, which takes the `node` of the PATH. */
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

type Command = readonly [string, readonly string[]];

/** An engine: the command that boots a case, and the command that fills the cache folder which each run begins with. */
interface Engine {
  readonly boot: (boot: BootCase, options: Options) => Command;
  /** Undefined for an empty folder. */
  readonly fill?: (boot: BootCase, options: Options) => Command;
}

const engines: Readonly<Record<string, Engine>> = {
  'hyperscope, first use': { boot: ours },
  'hyperscope, new kernel': { boot: ours, fill: () => [adapter, ['prepare']] },
  hyperscope: { boot: ours, fill: ours },
  'QEMU TCG': {
    boot: ({ kernel, initrd, processors }, { append, memoryMiB }) => [
      qemu,
      [
        ...['-accel', 'tcg,thread=single', '-m', `${memoryMiB}`, '-smp', `${processors}`],
        ...['-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-no-reboot'],
        ...['-nodefaults', '-kernel', kernel, '-initrd', initrd, '-append', append],
      ],
    ],
  },
};

function ours(
  { kernel, initrd, processors }: BootCase,
  { append, memoryMiB }: Options,
): readonly [string, readonly string[]] {
  const args = ['run', '--kernel', kernel, '--initrd', initrd, '--append', append];
  const sizes = ['--memory', `${memoryMiB}`, '--processors', `${processors}`];
  return [adapter, [...args, ...sizes, '--until', marker]];
}

const optionNames = ['flavour', 'processors', 'rounds', 'append', 'memory', 'write'];

function parseOptions(texts: readonly string[]): Options {
  const given = new Map(
    texts
      .map((text) => text.replace(/^--/, '').split(/=(.*)/s, 2))
      .map(([name = '', value = '']) => [name, value]),
  );
  for (const name of given.keys()) {
    if (optionNames.includes(name)) continue;
    console.error(`There is no option "${name}". Known: ${optionNames.join(', ')}.`);
    process.exit(2);
  }
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

/** Variables that say where the program keeps what it leaves for later runs, and which Node runs it: the one of the table. */
const inFolder = (folder: string): Readonly<Record<string, string>> => ({
  XDG_CACHE_HOME: folder,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
});

async function measureCase(
  boot: BootCase,
  options: Options,
  caches: string,
): Promise<ReadonlyMap<string, readonly ProcessCost[]>> {
  const samples = new Map<string, ProcessCost[]>(Object.keys(engines).map((name) => [name, []]));
  const filled = new Map(
    Object.entries(engines).map(([name, { fill }]) => {
      const folder = mkdtempSync(join(caches, 'filled-'));
      if (fill !== undefined) {
        const [command, args] = fill(boot, options);
        const env = { ...process.env, ...inFolder(folder) };
        execFileSync(command, args, { stdio: 'ignore', env });
      }
      return [name, folder] as const;
    }),
  );
  for (let round = 0; round < options.rounds; round++) {
    for (const [name, engine] of Object.entries(engines)) {
      const [command, args] = engine.boot(boot, options);
      const folder = mkdtempSync(join(caches, 'run-'));
      cpSync(filled.get(name) ?? folder, folder, { recursive: true });
      const environment = inFolder(folder);
      const cost = await measureUntil({ command, args, environment, marker, timeoutSeconds });
      rmSync(folder, { recursive: true, force: true });
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
const caches = mkdtempSync(join(tmpdir(), 'hyperscope-boot-'));
try {
  for (const flavour of options.flavours) {
    const files = bootFiles(flavour);
    for (const processors of options.processors) {
      const boot = { flavour, processors, ...files };
      const samples = await measureCase(boot, options, caches);
      table.push(...rowsOf(boot, samples));
      raw.push({ flavour, processors, samples: Object.fromEntries(samples) });
    }
  }
} finally {
  rmSync(caches, { recursive: true, force: true });
}
const version = execFileSync(qemu, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
  cwd: root,
  encoding: 'utf8',
}).trim();
const facts = [
  `- command: \`npm run benchmark:boot -- ${process.argv.slice(2).join(' ')}\``,
  `- machine: ${machineName()}, ${cpus().length} processors; Node ${process.version}, ${version}`,
  `- commit ${commit}; ${options.memoryMiB} MiB, command line \`${options.append}\`; medians of ${options.rounds} interleaved rounds`,
];
console.log([...facts, '', ...table].join('\n'));
if (options.writes) {
  const text = [
    '# Booting a stock Debian kernel',
    '',
    'From the start of the process to the first line of the first user process. Each run is a process of its own.',
    '"First use" has nothing at all of earlier processes. "New kernel" has what `hyperscope prepare` leaves: the program\'s',
    'bytecode and the machine code of the interpreter, nothing of a guest. Otherwise one boot of the same kernel has left',
    'decoded and translated code, and the unpacked kernel unless it is packed with LZ4.',
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
