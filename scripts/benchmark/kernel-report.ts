// The table of a run of the kernel suite, as text for the terminal and for `debug-adapter/cpu/BENCHMARKS.md`.
import { geometricMean, msUntilFast, speedOfFirst, startSpeed } from './kernel-run';
import { apart, bestSpeed, kernels, type SuiteResult } from './kernel-suite';

/** Ratios that a later run must not fall short of by more than 15 %. */
export interface Ratios {
  readonly warm: Readonly<Record<string, number>>;
  readonly warmMean: number;
  readonly wholeMean: number;
}

/** The kernels of the means. */
export const meanKernels = kernels.filter((kernel) => !apart.includes(kernel));
/** Round 0 includes the set-up and the warm-up. */
const warmFrom = 1;
/** Instructions from a cold start whose speed is reported. */
const reportedInstructions = 100e6;

function meanOf(suite: SuiteResult, engine: string, from: number): number {
  return geometricMean(meanKernels.map((kernel) => bestSpeed(suite, kernel, engine, from)));
}

/** Ratios of one engine of ours to another engine; undefined where the other did not run. */
export function ratios(suite: SuiteResult, to: string): Ratios | undefined {
  if (!suite.runs.some(({ engine }) => engine === to)) return undefined;
  const ratio = (kernel: string): number =>
    bestSpeed(suite, kernel, 'translator', warmFrom) / bestSpeed(suite, kernel, to, warmFrom);
  return {
    warm: Object.fromEntries(kernels.map((kernel) => [kernel, ratio(kernel)])),
    warmMean: meanOf(suite, 'translator', warmFrom) / meanOf(suite, to, warmFrom),
    wholeMean: meanOf(suite, 'translator', 0) / meanOf(suite, to, 0),
  };
}

/** Markdown table: millions of instructions per second, by kernel and engine. */
export function speedTable(suite: SuiteResult): string {
  const { bits, engines } = suite;
  const compared = ratios(suite, 'qemu');
  const ratioHead = compared === undefined ? [] : ['translator / QEMU'];
  const head = [`${bits}-bit guest`, 'M instr.', ...engines, ...ratioHead];
  const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(0) : '–');
  const row = (name: string, size: string, speeds: readonly number[], ratio = NaN): string[] => [
    name,
    size,
    ...speeds.map(number),
    ...(compared ? [Number.isFinite(ratio) ? ratio.toFixed(2) : '–'] : []),
  ];
  const kernelRows = kernels.map((kernel) => {
    const lengths = suite.lengths.get(kernel) ?? [];
    const size = number(lengths.reduce((sum, length) => sum + length, 0) / 1e6);
    const speeds = engines.map((engine) => bestSpeed(suite, kernel, engine, warmFrom));
    return row(kernel, size, speeds, compared?.warm[kernel]);
  });
  const means = (from: number): number[] => engines.map((engine) => meanOf(suite, engine, from));
  const rows = [
    head,
    ...kernelRows,
    row('geometric mean without chase and system', '', means(warmFrom), compared?.warmMean),
    row('the same, warm-up included', '', means(0), compared?.wholeMean),
  ];
  return markdown(rows);
}

/** Markdown table: how an engine of ours starts. */
export function startTable(suite: SuiteResult, ours: 'translator' | 'interpreter'): string {
  const head = [
    `${ours}, ${suite.bits}-bit guest`,
    'first 0.1 s',
    'first second',
    'first 100 M instr.',
    'ms to 80 % of full speed',
    'peak MiB',
  ];
  const rows = kernels.map((kernel) => {
    const runs = suite.runs.filter((run) => run.kernel === kernel && run.engine === ours);
    const full = bestSpeed(suite, kernel, ours, warmFrom);
    const median = (values: readonly number[]): string => {
      const sorted = [...values].sort((a, b) => a - b);
      const value = sorted[Math.floor(sorted.length / 2)] ?? NaN;
      return Number.isFinite(value) ? value.toFixed(0) : '–';
    };
    return [
      kernel,
      median(runs.map((run) => startSpeed(run, 100))),
      median(runs.map((run) => startSpeed(run, 1000))),
      median(runs.map((run) => speedOfFirst(run, reportedInstructions))),
      median(runs.map((run) => msUntilFast(run, full))),
      median(runs.map((run) => run.peakMemoryMiB ?? NaN)),
    ];
  });
  return markdown([head, ...rows]);
}

function markdown(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map(
    (width, column) => '-'.repeat(width - Number(column > 0)) + (column > 0 ? ':' : ''),
  );
  const [head = [], ...rest] = rows;
  return [line(head), line(rule), ...rest.map(line)].join('\n');
}
