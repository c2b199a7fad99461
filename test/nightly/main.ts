// `npm run nightly`: random instruction streams in every mode, on both engines, with equal results; what failed is kept.
// Options: --streams=N (10,000,000), --seed=N (the day), --minutes=N (no limit), --continue (where the last run stopped).
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { reasonNeverRetired } from './never-retired';
import { streamsEach } from './stream-batch';
import type { WorkerReport } from './worker';

const worker = 'test/nightly/worker.ts';
const folder = 'out/nightly';
const runFile = `${folder}/streams-run.json`;
/** Batches of one process: a new one now and then keeps what it has collected small. */
const batchesEach = 1000;
/** A worker that says nothing for so long hangs. */
const silentMs = 600_000;
const failuresMax = 50;
const coverageWanted = 0.95;
const dayMs = 86_400_000;

function option(name: string, otherwise: number): number {
  const given = process.argv.find((text) => text.startsWith(`--${name}=`));
  return given === undefined ? otherwise : Number(given.slice(name.length + 3));
}

interface Totals {
  /** Batches before this one are done. */
  batch: number;
  streams: number;
  cpuMs: number;
  translatedSteps: number;
  failures: number;
  forms: readonly string[];
  readonly stops: Map<string, number>;
  readonly retired: Set<string>;
}

type Done = Extract<WorkerReport, { kind: 'done' }>;

function keepFailure(totals: Totals, seed: number, failure: object): void {
  totals.failures++;
  const text = JSON.stringify({ seed, ...failure });
  appendFileSync(`${folder}/failures.jsonl`, `${text}\n`);
  console.log(`failure: ${text.slice(0, 400)}`);
}

/** Runs one worker to its end. @returns the batch to go on with */
async function runWorker(
  totals: Totals,
  seed: number,
  first: number,
  isOver: () => boolean,
): Promise<number> {
  const args = ['--import', 'tsx', worker, ...[seed, first, batchesEach].map(String)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let next = first;
  let last: Done | undefined;
  let isStopped = false;
  const silence = setTimeout(() => child.kill('SIGKILL'), silentMs);
  for await (const line of createInterface({ input: child.stdout })) {
    silence.refresh();
    // The worker is ours, and writes nothing else.
    const report = JSON.parse(line) as WorkerReport;
    if (report.kind === 'begins') totals.forms = report.forms;
    else if (report.kind === 'failure') keepFailure(totals, seed, report.failure);
    else {
      last = report;
      next = report.batch;
      for (const name of report.retired) totals.retired.add(name);
      if (!isOver()) continue;
      isStopped = true;
      child.kill();
    }
  }
  clearTimeout(silence);
  if (last !== undefined) {
    totals.streams += last.streams;
    totals.cpuMs += last.cpuMs;
    totals.translatedSteps += last.translatedSteps;
    for (const [kind, count] of Object.entries(last.stops)) {
      totals.stops.set(kind, (totals.stops.get(kind) ?? 0) + count);
    }
  }
  if (next === first + batchesEach || isStopped) return next;
  keepFailure(totals, seed, { problem: `the worker ended or hung after batch ${next}` });
  return next + 1;
}

/** What `--continue` needs of a run that was stopped. */
interface SavedRun extends Omit<Totals, 'stops' | 'retired'> {
  readonly seed: number;
  readonly stops: readonly (readonly [string, number])[];
  readonly retired: readonly string[];
}

function save(totals: Totals, seed: number): void {
  const run: SavedRun = {
    ...totals,
    seed,
    stops: [...totals.stops],
    retired: [...totals.retired],
  };
  writeFileSync(runFile, JSON.stringify(run));
}

function lastRun(): Totals & { readonly seed: number } {
  // The file is ours.
  const run = JSON.parse(readFileSync(runFile, 'utf8')) as SavedRun;
  return { ...run, stops: new Map(run.stops), retired: new Set(run.retired) };
}

function write(totals: Totals, seed: number): boolean {
  const { batch, streams, cpuMs, translatedSteps, failures, forms, stops, retired } = totals;
  const missing = forms.filter((name) => !retired.has(name));
  const coverage = forms.length === 0 ? 0 : 1 - missing.length / forms.length;
  const isGood = failures === 0 && coverage >= coverageWanted;
  const report = {
    seed,
    batches: batch,
    streams,
    failures,
    processorSeconds: Math.round(cpuMs / 1000),
    streamsPerSecond: Math.round((streams / Math.max(cpuMs, 1)) * 1000),
    translatedSteps,
    processor: cpus()[0]?.model,
    node: process.version,
    stops: Object.fromEntries(stops),
    forms: forms.length,
    retired: retired.size,
    neverRetired: missing.map((name) => [name, reasonNeverRetired(name) ?? 'not met yet']),
  };
  writeFileSync(`${folder}/report.json`, `${JSON.stringify(report, undefined, 1)}\n`);
  const share = (100 * coverage).toFixed(1);
  console.log(
    `${streams.toLocaleString('en')} streams, ${failures} failures, ${report.streamsPerSecond} a second; ` +
      `${retired.size} of ${forms.length} forms retired (${share} %); ${folder}/report.json`,
  );
  return isGood;
}

const streamsWanted = option('streams', 10_000_000);
const endMs = Date.now() + option('minutes', Infinity) * 60_000;
mkdirSync(folder, { recursive: true });
const isContinued = process.argv.includes('--continue');
if (isContinued && !existsSync(runFile)) console.log(`no ${runFile}: this run is the first`);
const begun = isContinued && existsSync(runFile) ? lastRun() : undefined;
const seed = begun?.seed ?? option('seed', Math.floor(Date.now() / dayMs));
const totals: Totals = begun ?? {
  ...{ batch: 0, streams: 0, cpuMs: 0, translatedSteps: 0, failures: 0, forms: [] },
  stops: new Map(),
  retired: new Set(),
};
console.log(`seed ${seed}, ${streamsEach} streams a batch, from batch ${totals.batch}`);
let isGood = false;
while (totals.streams < streamsWanted && totals.failures < failuresMax && Date.now() < endMs) {
  totals.batch = await runWorker(totals, seed, totals.batch, () => Date.now() >= endMs);
  save(totals, seed);
  isGood = write(totals, seed);
}
if (!isGood) process.exitCode = 1;
