// `npm run benchmark`: kernels on our engines beside QEMU, and the round trip of a step over DAP.
// Options: --quick (fewer rounds) or --brief (fewest), --check (exit code 1 on a loss, 3 where nothing is committed for this
// kind of machine), --write (commits ratios, and BENCHMARKS.md of a full run; with --lower only what is lower than before),
// --loops (two endless loops only).
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { webAssemblyCodeHost } from '../debug-adapter/host/web-assembly-code-space';
import { debugType } from '../debug-adapter/protocol/custom-requests';
import { configureSingleGuest } from '../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../debug-adapter/system/physical-machine';
import type { Verdict } from './benchmark/committed-ratios';
import { benchmarkKernels } from './benchmark/kernel-benchmark';
import { loopImage, measuredLoops, type MeasuredLoop } from './benchmark/loop-image';
import { root } from './vscode-host/paths.mjs';

const warmUpMs = 1500;
const measureMs = 3000;
const stepsPerRun = 5_000_000;
const measuredSteps = 300;
const exitCodes: Readonly<Record<Verdict, number>> = { good: 0, short: 1, unknown: 3 };

function runFor(machine: PhysicalMachine, durationMs: number): number {
  const started = performance.now();
  let steps = 0;
  while (performance.now() - started < durationMs) {
    const outcome = machine.run({ maxSteps: stepsPerRun });
    if (outcome.stop.kind !== 'budget') throw new Error(`the loop stopped: ${outcome.stop.kind}`);
    steps += outcome.steps;
  }
  return steps / (performance.now() - started) / 1000;
}

function measureLoop(loop: MeasuredLoop): void {
  const configuration = configureSingleGuest({
    name: loop.name,
    memoryBytes: 16 * 1024 * 1024,
    image: { path: loop.name, bytes: loopImage(loop) },
    commandLine: '',
  });
  const machine = new PhysicalMachine(configuration, {
    codeHost: webAssemblyCodeHost,
    hotCount: 0,
  });
  const cold = runFor(machine, 200);
  runFor(machine, warmUpMs);
  const warm = runFor(machine, measureMs);
  const text = `${warm.toFixed(0).padStart(5)} M instructions/s warm, ${cold.toFixed(0)} in the first 0.2 s`;
  console.log(`interpreter  ${text}   ${loop.name}`);
}

async function measureSteps(): Promise<void> {
  const adapter = join(root, 'dist/debug-adapter.cjs');
  if (!existsSync(adapter)) throw new Error('dist/debug-adapter.cjs is missing: npm run build');
  const client = new DebugClient(process.execPath, adapter, debugType);
  await client.start();
  const initialized = client.waitForEvent('initialized');
  const stopped = client.waitForEvent('stopped');
  await client.initializeRequest();
  const program = join(root, 'guests/hello-partition/hello-partition.elf');
  const launched = client.customRequest('launch', { program, stopOnEntry: true });
  await initialized;
  await client.configurationDoneRequest();
  await Promise.all([launched, stopped]);
  const [thread] = (await client.threadsRequest()).body.threads;
  if (thread === undefined) throw new Error('the session has no thread');
  const times: number[] = [];
  for (let step = 0; step < measuredSteps; step++) {
    const started = performance.now();
    const ended = client.waitForEvent('stopped');
    await client.nextRequest({ threadId: thread.id, granularity: 'instruction' });
    await ended;
    times.push(performance.now() - started);
  }
  // The adapter ends its process by itself after this.
  await client.disconnectRequest();
  times.sort((a, b) => a - b);
  const at = (fraction: number): string =>
    (times[Math.floor((times.length - 1) * fraction)] ?? 0).toFixed(2);
  console.log(
    `DAP step     ${at(0.5)} ms median, ${at(0.95)} ms 95th percentile, ${times.length} steps`,
  );
}

const options = new Set(process.argv.slice(2));
if (options.has('--loops')) {
  for (const loop of measuredLoops) measureLoop(loop);
} else {
  const size = options.has('--brief') ? 'brief' : options.has('--quick') ? 'quick' : 'full';
  const verdict = await benchmarkKernels({
    size,
    writes: options.has('--write'),
    keepsLower: options.has('--lower'),
    checks: options.has('--check'),
  });
  process.exitCode = exitCodes[verdict];
  if (size === 'full') await measureSteps();
}
