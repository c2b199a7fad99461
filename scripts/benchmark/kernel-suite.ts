// Runs every kernel on every engine, in interleaved rounds, and keeps the best of each.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../vscode-host/paths.mjs';
import { roundLengths, speed, type Bits, type KernelRun } from './kernel-run';
import { runOnQemu } from './run-kernel-qemu';

export const kernels = ['crc', 'sieve', 'fib', 'chase', 'sha256', 'mix64', 'system'] as const;

/** What stays out of the means: `chase` is bound by the memory of the host for everyone, `system` is no computation. */
export const apart: readonly string[] = ['chase', 'system'];

export const imageFolder = 'scripts/benchmark/kernels/images';

/** Rounds of a kernel's work in one run. */
export interface SuiteSize {
  readonly rounds: number;
  /** Runs of each kernel on each engine, of which the best counts. */
  readonly repetitions: number;
}

export const fullSuite: SuiteSize = { rounds: 8, repetitions: 2 };
export const quickSuite: SuiteSize = { rounds: 3, repetitions: 2 };
/** Of every test run. */
export const briefSuite: SuiteSize = { rounds: 2, repetitions: 1 };

/** All runs of guests of one kind, and for each kernel the instructions of each round. */
export interface SuiteResult {
  readonly bits: Bits;
  readonly engines: readonly string[];
  readonly runs: readonly KernelRun[];
  readonly lengths: ReadonlyMap<string, readonly number[]>;
}

/** Runs a script that prints a `KernelRun`, in a process of its own. */
function runHere(script: string, ...values: readonly (string | number)[]): KernelRun {
  const args = ['--import=tsx', join(root, 'scripts', script), ...values.map(String)];
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${script} ${values.join(' ')}\n${result.stderr}`);
  const run: KernelRun = JSON.parse(result.stdout);
  return run;
}

/**
 * Runs the suite.
 * @throws Error where a checksum differs between engines: then one of them is wrong, and no speed counts
 */
export async function runSuite(
  bits: Bits,
  engines: readonly string[],
  size: SuiteSize,
  progress: (text: string) => void,
): Promise<SuiteResult> {
  const runs: KernelRun[] = [];
  const lengths = new Map<string, readonly number[]>();
  for (let repetition = 0; repetition < size.repetitions; repetition++) {
    for (const kernel of kernels) {
      for (const engine of engines) {
        const run = await runKernel(bits, kernel, engine, size.rounds);
        if (isOurs(engine)) lengths.set(kernel, roundLengths(run));
        compareChecksums(runs, run);
        runs.push(run);
        const rate = speed(run, lengths.get(kernel) ?? [], 1).toFixed(0);
        progress(`${repetition + 1}/${size.repetitions} ${kernel}-${bits} ${engine} ${rate}`);
      }
    }
  }
  return { bits, engines, runs, lengths };
}

function isOurs(engine: string): boolean {
  return engine === 'translator' || engine === 'interpreter';
}

async function runKernel(
  bits: Bits,
  kernel: string,
  engine: string,
  rounds: number,
): Promise<KernelRun> {
  const image = join(root, imageFolder, `${kernel}-${bits}.elf`);
  if (engine === 'qemu') return runOnQemu(image, kernel, bits, rounds);
  if (engine === 'v86') return runHere('run-kernel-v86.ts', image, kernel, rounds);
  return runHere('run-kernel.ts', image, kernel, bits, engine, rounds);
}

function compareChecksums(runs: readonly KernelRun[], run: KernelRun): void {
  const other = runs.find(({ kernel }) => kernel === run.kernel);
  if (other === undefined || String(other.checksums) === String(run.checksums)) return;
  throw new Error(
    `${run.kernel}: ${run.engine} computed ${run.checksums}, ${other.engine} ${other.checksums}`,
  );
}

/** The fastest of the runs of a kernel on an engine, by rounds `from` to the last. */
export function bestSpeed(
  { runs, lengths }: SuiteResult,
  kernel: string,
  engine: string,
  from: number,
): number {
  const rates = runs
    .filter((run) => run.kernel === kernel && run.engine === engine)
    .map((run) => speed(run, lengths.get(kernel) ?? [], from));
  return Math.max(...rates);
}
