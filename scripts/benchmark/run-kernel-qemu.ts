// Runs a kernel on QEMU's TCG: the image is a multiboot kernel there, and prints to the same port.
import { spawn, spawnSync } from 'node:child_process';
import type { Bits, KernelRun, Mark } from './kernel-run';
import { busiestThreadMs } from './thread-time';

const program = 'qemu-system-x86_64';
const board = ['-accel', 'tcg,thread=single', '-m', '64', '-display', 'none', '-no-reboot'];
const ports = ['-debugcon', 'stdio', '-serial', 'none', '-monitor', 'none', '-nodefaults'];

/** First line of QEMU's version, or undefined where it is not installed. */
export function qemuVersion(): string | undefined {
  const { stdout, status } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}

/** The marks are taken here as the lines arrive, so each may be late by the time that takes. */
export async function runOnQemu(
  image: string,
  kernel: string,
  bits: Bits,
  rounds: number,
): Promise<KernelRun> {
  const child = spawn(program, [...board, ...ports, '-kernel', image], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const marks: Mark[] = [];
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
    child.stdout.on('data', (chunk: Buffer) => {
      for (const character of chunk.toString('latin1')) {
        text += character;
        if ((character !== '>' && character !== '\n') || child.pid === undefined) continue;
        marks.push({ wallMs: performance.now(), cpuMs: busiestThreadMs(child.pid) });
        if (marks.length > rounds) child.kill('SIGKILL');
      }
    });
  });
  const checksums = text.slice(1).trim().split('\n').slice(0, rounds);
  return { kernel, bits, engine: 'qemu', marks: marks.slice(0, rounds + 1), checksums };
}
