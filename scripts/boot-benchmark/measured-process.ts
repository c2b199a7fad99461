// Runs a program until it has printed a text, and says how long that took: wall time, processor time, peak memory.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { peakOfStatus } from '../benchmark/peak-memory';

/** Costs of a process up to a moment. */
export interface ProcessCost {
  readonly wallSeconds: number;
  /** User and system time of all its threads. */
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** What to run, and which text on standard output ends it. */
export interface MeasuredCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Beside the variables of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly marker: string;
  readonly timeoutSeconds: number;
}

const ticksPerSecond = 100;

/** User and system time of a process: fields of /proc/PID/stat behind the name, which may hold blanks (proc(5)). */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function peakMiB(pid: number): number {
  return peakOfStatus(readFileSync(`/proc/${pid}/status`, 'latin1'));
}

/**
 * Runs a command and ends it once it has printed the marker.
 * @throws Error with the last output where the marker does not come in time
 */
export function measureUntil(measured: MeasuredCommand): Promise<ProcessCost> {
  const { command, args, environment, marker, timeoutSeconds } = measured;
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Node reads further certificates first, for 60 ms, where the host names some: they are no part of a run.
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, ...environment },
    });
    let output = '';
    let cost: ProcessCost | undefined;
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1000);
    const take = (data: Buffer): void => {
      output = (output + data.toString('latin1')).slice(-65_536);
      if (cost !== undefined || child.pid === undefined || !output.includes(marker)) return;
      const wallSeconds = (performance.now() - started) / 1000;
      cost = { wallSeconds, cpuSeconds: cpuSeconds(child.pid), peakMiB: peakMiB(child.pid) };
      child.kill('SIGKILL');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      if (cost !== undefined) resolve(cost);
      else reject(new Error(`${command} never printed "${marker}":\n${output.slice(-2000)}`));
    });
  });
}
