// Measures the kernels side by side with QEMU, prints the tables, and writes or checks the committed figures.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { root } from '../vscode-host/paths.mjs';
import {
  checkRatios,
  hasRatios,
  machineName,
  othersOf,
  rounded,
  writeRatios,
  type Measured,
  type SizeName,
  type Verdict,
} from './committed-ratios';
import { ratios, speedTable, startTable } from './kernel-report';
import {
  briefSuite,
  fullSuite,
  quickSuite,
  runSuite,
  type SuiteResult,
  type SuiteSize,
} from './kernel-suite';
import { qemuVersion } from './run-kernel-qemu';
import { measureMemory, memoryLimitMiB, memoryText } from './memory-figure';
import { hasThreadTime } from './thread-time';

export interface BenchmarkOptions {
  readonly size: SizeName;
  /** Commits the ratios; those of a full run with the tables in BENCHMARKS.md and the raw samples beside this script. */
  readonly writes: boolean;
  /** Leaves committed ratios that are lower as they are. */
  readonly keepsLower: boolean;
  /** Fails where a ratio is 15 % below the committed one. */
  readonly checks: boolean;
}

const pagePath = 'debug-adapter/cpu/BENCHMARKS.md';
const samplesPath = 'scripts/benchmark/results/samples.json';
/** How often a check measures, until one of the runs is good at each figure: a busy host makes single runs slow. */
const attemptsMax = 5;
const suiteSizes: Readonly<Record<SizeName, SuiteSize>> = {
  full: fullSuite,
  quick: quickSuite,
  brief: briefSuite,
};
const ourEngines = ['translator', 'interpreter'] as const;

/** Runs it all. @returns what a check says; good where none is asked for */
export async function benchmarkKernels(options: BenchmarkOptions): Promise<Verdict> {
  // There is no need to wait for numbers that nothing can be said about.
  if (options.checks && !hasRatios(options.size)) return 'unknown';
  const qemu = qemuVersion();
  const memory = measureMemory();
  const attempts: (readonly SuiteResult[])[] = [];
  let verdict: Verdict = 'good';
  for (let attempt = 0; attempt < (options.checks ? attemptsMax : 1); attempt++) {
    attempts.push(await measureSuites(options, qemu !== undefined));
    if (options.checks) verdict = checkRatios(options.size, attempts.map(ratiosOf));
    if (verdict !== 'short') break;
  }
  const suites = together(attempts);
  if (options.checks && memory.peakMiB >= memoryLimitMiB) verdict = 'short';
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
  if (options.writes) write(options, text, suites, qemu);
  return verdict;
}

/** Measures guests of both kinds. */
async function measureSuites(
  { size }: BenchmarkOptions,
  hasQemu: boolean,
): Promise<readonly SuiteResult[]> {
  const suites: SuiteResult[] = [];
  for (const bits of [64, 32] as const) {
    const others = othersOf[bits].filter((engine) => engine !== 'qemu' || hasQemu);
    const progress = (text: string): void => void process.stderr.write(`  ${text}\n`);
    suites.push(await runSuite(bits, ['translator', ...others], suiteSizes[size], progress));
  }
  return suites;
}

/** The suites of the last attempt, with the runs of all. */
function together(attempts: readonly (readonly SuiteResult[])[]): readonly SuiteResult[] {
  const last = attempts[attempts.length - 1] ?? [];
  return last.map((suite, index) => ({
    ...suite,
    runs: attempts.flatMap((suites) => suites[index]?.runs ?? []),
  }));
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
  { size, keepsLower }: BenchmarkOptions,
  text: string,
  suites: readonly SuiteResult[],
  qemu: string | undefined,
): void {
  writeRatios(size, ratiosOf(suites), keepsLower);
  if (size !== 'full') return;
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
system calls and string moves. \`v86\` runs 32-bit guests only. \`npm run benchmark -- --brief --check\`, a stage of the
tests, fails where a ratio is 15 % below the one committed for this kind of machine.
`;
}
