// Measures the kernels side by side with QEMU, prints the tables, and writes or checks the committed figures.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { root } from '../vscode-host/paths.mjs';
import { meanKernels, ratios, speedTable, startTable, type Ratios } from './kernel-report';
import { fullSuite, quickSuite, runSuite, type SuiteResult } from './kernel-suite';
import { qemuVersion } from './run-kernel-qemu';
import { hasThreadTime } from './thread-time';

export interface BenchmarkOptions {
  readonly isQuick: boolean;
  /** Writes the tables to BENCHMARKS.md and the raw samples beside this script. */
  readonly writes: boolean;
  /** Fails where a ratio is 15 % below the committed one. */
  readonly checks: boolean;
}

const pagePath = 'debug-adapter/cpu/BENCHMARKS.md';
const ratiosPath = 'scripts/benchmark/results/ratios.json';
const samplesPath = 'scripts/benchmark/results/samples.json';
const shortfallMax = 0.15;

type Committed = Readonly<Record<'full' | 'quick', { qemu?: Ratios; interpreter?: Ratios }>>;

/** Runs it all; false where the check failed. */
export async function benchmarkKernels(options: BenchmarkOptions): Promise<boolean> {
  const qemu = qemuVersion();
  const engines = ['translator', 'interpreter', ...(qemu === undefined ? [] : ['qemu'])];
  const size = options.isQuick ? quickSuite : fullSuite;
  const suite = await runSuite(engines, size, (text) => process.stderr.write(`  ${text}\n`));
  const text = [
    speedTable(suite, engines),
    '32-bit guests: not built (no 32-bit image can be started yet; v86 runs nothing else).',
    'How the translator starts, in millions of instructions per second:',
    startTable(suite),
    ...(qemu === undefined
      ? ['QEMU: left out. Install it (Debian and Ubuntu: apt-get install qemu-system-x86).']
      : []),
  ].join('\n\n');
  console.log(`${text}\n`);
  const measured = { qemu: ratios(suite, 'qemu'), interpreter: ratios(suite, 'interpreter') };
  const kind = options.isQuick ? 'quick' : 'full';
  if (options.writes) write(options, text, suite, measured, kind, qemu);
  return !options.checks || check(measured, kind);
}

type Measured = { readonly qemu?: Ratios; readonly interpreter?: Ratios };

function committed(): Partial<Committed> {
  const path = join(root, ratiosPath);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

function write(
  { isQuick }: BenchmarkOptions,
  text: string,
  { runs }: SuiteResult,
  measured: Measured,
  kind: 'full' | 'quick',
  qemu: string | undefined,
): void {
  mkdirSync(join(root, 'scripts/benchmark/results'), { recursive: true });
  const all = { ...committed(), [kind]: measured };
  writeFileSync(join(root, ratiosPath), `${JSON.stringify(all, undefined, 2)}\n`);
  if (isQuick) return;
  writeFileSync(join(root, samplesPath), `${JSON.stringify({ runs: runs.map(rounded) })}\n`);
  writeFileSync(join(root, pagePath), page(text, qemu));
}

/** Samples without digits that mean nothing. */
function rounded(run: SuiteResult['runs'][number]): unknown {
  const round = (value: unknown): unknown =>
    typeof value === 'number' ? Math.round(value * 100) / 100 : value;
  return JSON.parse(JSON.stringify(run, (_key, value: unknown) => round(value)));
}

function page(text: string, qemu = 'not installed'): string {
  const [processor] = cpus();
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
  const clock = hasThreadTime
    ? 'processor time of the thread that executes the guest'
    : 'wall clock';
  return `# Benchmarks

Millions of guest instructions per second, the best of ${fullSuite.repetitions} interleaved runs
of ${fullSuite.rounds} rounds. Each run of ours is a process of its own.
Time is the ${clock}; the raw samples have both clocks (\`${samplesPath}\`). "Warm" speeds are those after the first round.

- command: \`npm run benchmark -- --write\`
- machine: ${processor?.model ?? 'unknown'}, ${cpus().length} processors
- Node ${process.version}, ${qemu} (\`-accel tcg,thread=single\`)
- commit ${git('rev-parse', '--short', 'HEAD')} of ${git('log', '-1', '--format=%cs')}

${text}

The kernels are in \`scripts/benchmark/kernels/\`: the same image runs on every engine, and every
engine must compute the same checksums. \`npm run benchmark -- --quick --check\` fails where a ratio
is 15 % below the committed one.
`;
}

function check(measured: Measured, kind: 'full' | 'quick'): boolean {
  const expected = committed()[kind];
  let isGood = expected !== undefined;
  if (expected === undefined) console.log(`check: no committed ratios for a ${kind} run`);
  for (const engine of ['qemu', 'interpreter'] as const) {
    const [wanted, found] = [expected?.[engine], measured[engine]];
    if (wanted === undefined || found === undefined) {
      console.log(`check: nothing to compare for ${engine}`);
      continue;
    }
    const values = [
      ...meanKernels.map((kernel) => [kernel, wanted.warm[kernel], found.warm[kernel]] as const),
      ['warm mean', wanted.warmMean, found.warmMean] as const,
      ['whole mean', wanted.wholeMean, found.wholeMean] as const,
    ];
    for (const [name, least = 0, value = 0] of values) {
      if (value >= least * (1 - shortfallMax)) continue;
      console.log(
        `check: ${name} is ${value.toFixed(2)} × ${engine}, committed ${least.toFixed(2)}`,
      );
      isGood = false;
    }
  }
  return isGood;
}
