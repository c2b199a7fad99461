// Runs one kernel on Hyperscope's machine, in a process of its own so that nothing is warm, and prints a `KernelRun`.
// Arguments: image, kernel, bits (32 or 64), engine (translator or interpreter), rounds.
import { readFileSync } from 'node:fs';
import { webAssemblyCodeHost } from '../debug-adapter/host/web-assembly-code-space';
import { sampleGuest } from '../debug-adapter/spec/sample-guest';
import { configureSingleGuest } from '../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../debug-adapter/system/physical-machine';
import type { Bits, KernelRun, Mark } from './benchmark/kernel-run';
import { mainThreadMs } from './benchmark/thread-time';
import { peakMemoryMiB } from './benchmark/peak-memory';

const sliceSteps = 4_000_000;
/** Enough for the first second, which is what they are for. */
const samplesMax = 600;
const memoryBytes = 64 * 1024 * 1024;
const bootProcessor = 0;
const rax = 0;

function main(
  image: string,
  kernel: string,
  bits: Bits,
  engine: string,
  rounds: number,
): KernelRun {
  const machine = new PhysicalMachine(
    configureSingleGuest({
      name: kernel,
      memoryBytes,
      image: { path: image, bytes: readFileSync(image) },
      commandLine: '',
      format: bits === 64 ? 'sample-guest' : 'multiboot',
    }),
    { codeHost: webAssemblyCodeHost, ...(engine === 'interpreter' ? { hotCount: 0 } : {}) },
  );
  const mark = (): Mark => ({
    wallMs: performance.now(),
    cpuMs: mainThreadMs(),
    position: machine.position,
  });
  const marks: Mark[] = [];
  const samples = [mark()];
  let text = '';
  while (marks.length <= rounds) {
    const { stop } = machine.run({ maxSteps: sliceSteps, stopAtExit: () => true });
    if (stop.kind === 'budget') {
      if (samples.length < samplesMax) samples.push(mark());
      continue;
    }
    if (stop.kind !== 'exit') throw new Error(`${kernel} stopped: ${stop.kind}`);
    if (Number(stop.exit.qualification >> 16n) !== sampleGuest.consolePort) continue;
    const state = machine.guests[0]?.processors[bootProcessor]?.state;
    const character = String.fromCharCode(Number((state?.gpr(rax) ?? 0n) & 0xffn));
    text += character;
    if (character === '>' || character === '\n') marks.push(mark());
  }
  return {
    kernel,
    bits,
    engine,
    marks,
    samples,
    checksums: text.slice(1).trim().split('\n'),
    peakMemoryMiB: peakMemoryMiB(),
  };
}

const [image = '', kernel = '', bits = '', engine = '', rounds = ''] = process.argv.slice(2);
const run = main(image, kernel, bits === '64' ? 64 : 32, engine, Number(rounds));
console.log(JSON.stringify(run));
