// Measures what a large guest costs that touches little of it, in a process of its own; run by itself, it is that process.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { codeImage } from './loop-image';
import { peakMemoryMiB } from './peak-memory';

const mebibyte = 1024 * 1024;
const guestBytes = 3584 * mebibyte;
const touchedMiB = 64;
const stepsMax = 1_000_000;
/** The process in all, Node and generated code included. */
export const memoryLimitMiB = 400;

/** Writes to each page of 64 MiB from 64 MiB on, then ends the guest. */
const touch = Uint8Array.of(
  ...[0xbf, 0x00, 0x00, 0x00, 0x04], // mov edi, 0x4000000
  ...[0xb9, 0x00, 0x40, 0x00, 0x00], // mov ecx, 0x4000
  ...[0x89, 0x3f], // 1: mov [rdi], edi
  ...[0x81, 0xc7, 0x00, 0x10, 0x00, 0x00], // add edi, 0x1000
  ...[0xff, 0xc9, 0x75, 0xf4], // dec ecx; jnz 1b
  ...[0xe6, 0xf4], // out 0xf4, al
);

/** What the measurement gave: MiB of the whole process at most. */
export interface MemoryFigure {
  readonly guestMiB: number;
  readonly touchedMiB: number;
  readonly peakMiB: number;
}

/** Runs the measurement in a child. */
export function measureMemory(): MemoryFigure {
  const args = ['--import=tsx', fileURLToPath(import.meta.url)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the memory figure could not be measured:\n${stderr}`);
  return JSON.parse(stdout) as MemoryFigure;
}

/** The figure as a sentence. */
export function memoryText({ guestMiB, touchedMiB: touched, peakMiB }: MemoryFigure): string {
  return (
    `A guest with ${guestMiB} MiB of memory that touches ${touched} MiB of it: ` +
    `the process has ${peakMiB.toFixed(0)} MiB at most (limit ${memoryLimitMiB}).`
  );
}

function main(): void {
  const image = { path: 'touch', bytes: codeImage(touch) };
  const guest = { name: 'touch', memoryBytes: guestBytes, image, commandLine: '' };
  const machine = new PhysicalMachine(configureSingleGuest({ ...guest, format: 'sample-guest' }), {
    codeHost: webAssemblyCodeHost,
  });
  const { stop } = machine.run({ maxSteps: stepsMax });
  const [memory] = machine.guests.map((partition) => partition.memory);
  const pages = [...(memory?.touchedPages() ?? [])].length;
  if (stop.kind !== 'guest-exit' || pages < (touchedMiB * mebibyte) / 4096) {
    throw new Error(`stopped with ${stop.kind} after touching ${pages} pages`);
  }
  const figure: MemoryFigure = {
    guestMiB: guestBytes / mebibyte,
    touchedMiB,
    peakMiB: peakMemoryMiB(),
  };
  console.log(JSON.stringify(figure));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
