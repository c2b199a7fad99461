// `npm run benchmark:exits`: how many VM exits a second are handled and resumed, in processor time of the main thread.
// Options: --seconds=2 (each row), --row=hypercall (rows whose name has it), --check (fail where a rate is below its goal).
import { webAssemblyCodeHost } from '../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../debug-adapter/system/physical-machine';
import { codeImage } from './benchmark/loop-image';
import { mainThreadMs } from './benchmark/thread-time';

/**
 * The engine optimizes on another thread, which a busy machine keeps waiting: the warm-up goes on until its slices are
 * no longer faster than those before.
 */
const warmUp = { sliceMs: 250, slices: 3, slicesMax: 24, gain: 1.04 } as const;
const stepsPerRun = 1_000_000;
const memoryBytes = 16 * 1024 * 1024;

/** A guest that does little else than to exit. */
interface ExitRow {
  readonly name: string;
  readonly code: readonly number[];
  /** Exits a second. */
  readonly goal: number;
  readonly keepsTrace: boolean;
}

const cpuidLoop = [0x31, 0xc0, 0x0f, 0xa2, 0xeb, 0xfa]; // xor eax, eax; cpuid; jmp

/** The guest OS id is 1, the hypercall page lies at 2 MiB; then HvCallSendSyntheticClusterIpi to no processor. */
const hypercallLoop = [
  ...[0xb9, 0x00, 0x00, 0x00, 0x40, 0xb8, 0x01, 0x00, 0x00, 0x00], // mov ecx, …; mov eax, 1
  ...[0x31, 0xd2, 0x0f, 0x30], // xor edx, edx; wrmsr
  ...[0xb9, 0x01, 0x00, 0x00, 0x40, 0xb8, 0x01, 0x00, 0x20, 0x00], // mov ecx, …; mov eax, …
  ...[0x31, 0xd2, 0x0f, 0x30],
  ...[0xb9, 0x0b, 0x00, 0x01, 0x00], // mov ecx, the call and "fast"
  ...[0xba, 0x40, 0x00, 0x00, 0x00, 0x45, 0x31, 0xc0], // mov edx, vector 0x40; xor r8d, r8d
  ...[0x0f, 0x01, 0xc1, 0xeb, 0xee], // vmcall; jmp to the load of ecx
];

const rows: readonly ExitRow[] = [
  { name: 'CPUID', code: cpuidLoop, goal: 500_000, keepsTrace: true },
  { name: 'CPUID, no exit log', code: cpuidLoop, goal: 2_000_000, keepsTrace: false },
  { name: 'fast hypercall', code: hypercallLoop, goal: 500_000, keepsTrace: true },
];

/** Exits a second, after a warm-up. */
function rateOf({ name, code, keepsTrace }: ExitRow, seconds: number): number {
  const machine = new PhysicalMachine(
    configureSingleGuest({
      name,
      memoryBytes,
      image: { path: name, bytes: codeImage(Uint8Array.from(code)) },
      commandLine: '',
      format: 'sample-guest',
    }),
    { codeHost: webAssemblyCodeHost },
  );
  machine.trace.keepsExits = keepsTrace;
  const runFor = (ms: number): number => {
    const before = machine.guests[0]?.processors[0]?.exits ?? 0;
    const started = mainThreadMs();
    let spent = 0;
    for (; spent < ms; spent = mainThreadMs() - started) {
      const { stop } = machine.run({ maxSteps: stepsPerRun });
      if (stop.kind !== 'budget') throw new Error(`${name} stopped: ${stop.kind}`);
    }
    const after = machine.guests[0]?.processors[0]?.exits ?? 0;
    return ((after - before) / spent) * 1000;
  };
  let best = 0;
  for (let slice = 0, steady = 0; slice < warmUp.slicesMax && steady < warmUp.slices; slice++) {
    const rate = runFor(warmUp.sliceMs);
    steady = rate > best * warmUp.gain ? 0 : steady + 1;
    best = Math.max(best, rate);
  }
  return runFor(seconds * 1000);
}

const option = (name: string): string | undefined =>
  process.argv.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3);
const seconds = Number(option('seconds') ?? 2);
let missed = false;
for (const row of rows.filter(({ name }) => name.includes(option('row') ?? ''))) {
  const rate = rateOf(row, seconds);
  if (rate < row.goal) missed = true;
  const goal = `goal ${(row.goal / 1000).toFixed(0)} k/s`;
  console.log(`${row.name.padEnd(20)} ${(rate / 1000).toFixed(0).padStart(6)} k/s   ${goal}`);
}
if (missed && process.argv.includes('--check')) process.exitCode = 1;
