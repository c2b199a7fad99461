// Runs batches of random streams from one number on, and prints a line of JSON for each group of batches and each failure.
// Arguments: seed, first batch, batches.
import { readdirSync } from 'node:fs';
import { bytesOf, readNativeCases } from '../support/native-cases';
import { FormCoverage } from './form-coverage';
import { StreamRunner, streamsEach } from './stream-batch';

/** What the worker tells, a line each. */
export type WorkerReport =
  | { readonly kind: 'begins'; readonly batch: number; readonly forms: readonly string[] }
  | { readonly kind: 'failure'; readonly failure: object }
  | {
      readonly kind: 'done';
      /** Batches before this one are done. */
      readonly batch: number;
      readonly streams: number;
      readonly cpuMs: number;
      readonly translatedSteps: number;
      readonly stops: Readonly<Record<string, number>>;
      readonly retired: readonly string[];
    };

const recorded = 'test/native-cpu';
const batchesReported = 50;

function recordedCode(): Record<32 | 64, Uint8Array[]> {
  const codes: Record<32 | 64, Uint8Array[]> = { 32: [], 64: [] };
  for (const name of readdirSync(recorded).filter((file) => file.endsWith('.jsonl.gz'))) {
    for (const { bits, code } of readNativeCases(`${recorded}/${name}`)) {
      codes[bits === 64 ? 64 : 32].push(bytesOf(code));
    }
  }
  return codes;
}

function tell(report: WorkerReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

const [seed = 1, first = 0, count = 1] = process.argv.slice(2).map(Number);
const coverage = new FormCoverage();
const runner = new StreamRunner(seed, recordedCode(), coverage);
tell({ kind: 'begins', batch: first, forms: coverage.all });
for (let batch = first; batch < first + count; batch++) {
  const failure = runner.run(batch);
  if (failure !== undefined) tell({ kind: 'failure', failure });
  if ((batch + 1 - first) % batchesReported !== 0 && batch + 1 !== first + count) continue;
  const { user, system } = process.cpuUsage();
  tell({
    kind: 'done',
    batch: batch + 1,
    streams: (batch + 1 - first) * streamsEach,
    cpuMs: Math.round((user + system) / 1000),
    translatedSteps: runner.translatedSteps,
    stops: Object.fromEntries(runner.stops),
    retired: [...coverage.retired.keys()],
  });
}
