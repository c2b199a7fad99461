// Measures the kernels side by side with QEMU, prints the tables, and writes or checks the committed figures.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { root } from '../vscode-host/paths.mjs';
import {
  checkRatios,
  machineName,
  othersOf,
  rounded,
  writeRatios,
  type Measured,
  type SizeName,
} from './committed-ratios';
import { ratios, speedTable, startTable } from './kernel-report';
import { fullSuite, quickSuite, runSuite, type SuiteResult } from './kernel-suite';
import { qemuVersion } from './run-kernel-qemu';
import { measureMemory, memoryLimitMiB, memoryText } from './memory-figure';
import { hasThreadTime } from './thread-time';

export interface BenchmarkOptions {
  readonly isQuick: boolean;
  /** Writes the tables to BENCHMARKS.md and the raw samples beside this script. */
  readonly writes: boolean;
  /** Fails where a ratio is 15 % below the committed one. */
  readonly checks: boolean;
}

const pagePath = 'debug-adapter/cpu/BENCHMARKS.md';
const samplesPath = 'scripts/benchmark/results/samples.json';
/** How often a check measures, until the best of all runs is good: a busy host makes single runs slow. */
const attemptsMax = 3;
const ourEngines = ['translator', 'interpreter'] as const;

/** Runs it all; false where the check failed. */
export async function benchmarkKernels(options: BenchmarkOptions): Promise<boolean> {
  const qemu = qemuVersion();
  const kind = options.isQuick ? 'quick' : 'full';
  const memory = measureMemory();
  let suites: readonly SuiteResult[] = [];
  let isGood = true;
  for (let attempt = 0; attempt < (options.checks ? attemptsMax : 1); attempt++) {
    suites = await measureSuites(options, qemu !== undefined, suites);
    isGood = !options.checks || checkRatios(kind, ratiosOf(suites));
    if (isGood) break;
  }
  const text = [
    ...suites.map((suite) => speedTable(suite)),
    'How our engines start, in millions of instructions per second:',
    ...suites.flatMap((suite) => ourEngines.map((engine) => startTable(suite, engine))),
    memoryText(memory),
    ...(qemu === undefined
      ? ['QEMU: left out. Install it (Debian and Ubuntu: apt-get install qemu-system-x86).']
      : []),
  ].join('\n\n');
  console.log(`${text}\n`);
  if (options.writes) write(options, text, suites, ratiosOf(suites), kind, qemu);
  return isGood && (!options.checks || memory.peakMiB < memoryLimitMiB);
}

/** Measures guests of both kinds, beside what earlier attempts gave. */
async function measureSuites(
  { isQuick }: BenchmarkOptions,
  hasQemu: boolean,
  before: readonly SuiteResult[],
): Promise<readonly SuiteResult[]> {
  const suites: SuiteResult[] = [];
  for (const [index, bits] of ([64, 32] as const).entries()) {
    const others = othersOf[bits].filter((engine) => engine !== 'qemu' || hasQemu);
    const progress = (text: string): void => void process.stderr.write(`  ${text}\n`);
    const size = isQuick ? quickSuite : fullSuite;
    const suite = await runSuite(bits, ['translator', ...others], size, progress);
    suites.push({ ...suite, runs: [...(before[index]?.runs ?? []), ...suite.runs] });
  }
  return suites;
}

function ratiosOf(suites: readonly SuiteResult[]): Measured {
  return Object.fromEntries(
    suites.map((suite) => [
      suite.bits,
      Object.fromEntries(othersOf[suite.bits].map((engine) => [engine, ratios(suite, engine)])),
    ]),
  );
}

function write(
  { isQuick }: BenchmarkOptions,
  text: string,
  suites: readonly SuiteResult[],
  measured: Measured,
  kind: SizeName,
  qemu: string | undefined,
): void {
  writeRatios(kind, measured);
  if (isQuick) return;
  const runs = suites.flatMap((suite) => suite.runs);
  writeFileSync(join(root, samplesPath), `${JSON.stringify({ runs }, rounded)}\n`);
  writeFileSync(join(root, pagePath), page(text, qemu));
}

function page(text: string, qemu = 'not installed'): string {
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
- machine: ${machineName()}, ${cpus().length} processors
- Node ${process.version}, ${qemu} (\`-accel tcg,thread=single\`)
- commit ${git('rev-parse', '--short', 'HEAD')} of ${git('log', '-1', '--format=%cs')}

${text}

The kernels are in \`scripts/benchmark/kernels/\`: the same image runs on every engine, and every
engine must compute the same checksums. \`system\` is a small kernel with processes: page faults, copy on write, switches by CR3,
system calls and string moves. \`v86\` runs 32-bit guests only. \`npm run benchmark -- --quick --check\` fails where a ratio
is 15 % below the least one committed for a machine.
`;
}
