// Runs every kernel on every engine, in interleaved rounds, and keeps the best of each.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../vscode-host/paths.mjs';
import { roundLengths, speed, type KernelRun } from './kernel-run';
import { runOnQemu } from './run-kernel-qemu';

export const kernels = ['crc', 'sieve', 'fib', 'chase', 'sha256', 'mix64'] as const;

/** Bound by the memory of the host for everyone, so it stays out of the means. */
export const chase = 'chase';

export const imageFolder = 'scripts/benchmark/kernels/images';

/** Rounds of a kernel's work in one run. */
export interface SuiteSize {
  readonly rounds: number;
  /** Runs of each kernel on each engine, of which the best counts. */
  readonly repetitions: number;
}

export const fullSuite: SuiteSize = { rounds: 8, repetitions: 3 };
export const quickSuite: SuiteSize = { rounds: 3, repetitions: 2 };

/** All runs, and for each kernel the instructions of each round. */
export interface SuiteResult {
  readonly runs: readonly KernelRun[];
  readonly lengths: ReadonlyMap<string, readonly number[]>;
}

function runHere(image: string, kernel: string, engine: string, rounds: number): KernelRun {
  const script = join(root, 'scripts/run-kernel.ts');
  const args = ['--import=tsx', script, image, kernel, engine, String(rounds)];
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${kernel} on the ${engine}:\n${result.stderr}`);
  const run: KernelRun = JSON.parse(result.stdout);
  return run;
}

/**
 * Runs the suite.
 * @throws Error where a checksum differs between engines: then one of them is wrong, and no speed counts
 */
export async function runSuite(
  engines: readonly string[],
  size: SuiteSize,
  progress: (text: string) => void,
): Promise<SuiteResult> {
  const runs: KernelRun[] = [];
  const lengths = new Map<string, readonly number[]>();
  for (let repetition = 0; repetition < size.repetitions; repetition++) {
    for (const kernel of kernels) {
      for (const engine of engines) {
        const image = join(root, imageFolder, `${kernel}-64.elf`);
        const run =
          engine === 'qemu'
            ? await runOnQemu(image, kernel, size.rounds)
            : runHere(image, kernel, engine, size.rounds);
        if (engine !== 'qemu') lengths.set(kernel, roundLengths(run));
        compareChecksums(runs, run);
        runs.push(run);
        const rate = speed(run, lengths.get(kernel) ?? [], 1).toFixed(0);
        progress(`${repetition + 1}/${size.repetitions} ${kernel} ${engine} ${rate}`);
      }
    }
  }
  return { runs, lengths };
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
