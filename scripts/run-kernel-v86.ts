// Runs one 32-bit kernel on v86, in a process of its own so that nothing is warm, and prints a `KernelRun`.
// Arguments: image, kernel, rounds. The image is a multiboot kernel there, and prints to the same port.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { V86 } from 'v86';
import type { KernelRun, Mark } from './benchmark/kernel-run';
import { mainThreadMs } from './benchmark/thread-time';
import { peakMemoryMiB } from './benchmark/peak-memory';

const consolePort = 0xe9;
const memoryBytes = 64 * 1024 * 1024;
const displayBytes = 2 * 1024 * 1024;
const folder = dirname(createRequire(import.meta.url).resolve('v86'));

/** What of the emulator is not in its declarations: ports, whose writes end up here. */
interface WithPorts {
  readonly v86: {
    readonly cpu: {
      readonly io: {
        register_write(port: number, device: object, write: (value: number) => void): void;
      };
    };
  };
}

function main(image: string, kernel: string, rounds: number): void {
  const bytes = readFileSync(image);
  const emulator = new V86({
    wasm_path: join(folder, 'v86.wasm'),
    memory_size: memoryBytes,
    vga_memory_size: displayBytes,
    autostart: false,
    multiboot: { buffer: new Uint8Array(bytes).buffer },
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
  });
  const marks: Mark[] = [];
  let text = '';
  const write = (value: number): void => {
    const character = String.fromCharCode(value);
    text += character;
    if (character !== '>' && character !== '\n') return;
    marks.push({ wallMs: performance.now(), cpuMs: mainThreadMs() });
    if (marks.length <= rounds) return;
    const run: KernelRun = {
      kernel,
      bits: 32,
      engine: 'v86',
      marks,
      checksums: text.slice(1).trim().split('\n'),
      peakMemoryMiB: peakMemoryMiB(),
    };
    console.log(JSON.stringify(run));
    process.exit();
  };
  emulator.add_listener('emulator-loaded', () => {
    // The object has these members in every version so far; a benchmark may notice when it no longer does.
    const { io } = (emulator as unknown as WithPorts).v86.cpu;
    io.register_write(consolePort, {}, write);
    void emulator.run();
  });
}

const [image = '', kernel = '', rounds = ''] = process.argv.slice(2);
main(image, kernel, Number(rounds));
