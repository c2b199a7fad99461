// Processor time of threads, from Linux's accounting; elsewhere the wall clock has to do.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Whether the system keeps the accounting that these functions read. */
export const hasThreadTime = existsSync('/proc/self/schedstat');

/** Milliseconds that this process's main thread has run. */
export function mainThreadMs(): number {
  if (!hasThreadTime) return performance.now();
  return readMs(`/proc/self/task/${process.pid}/schedstat`);
}

/** Milliseconds that the busiest thread of another process has run. */
export function busiestThreadMs(pid: number): number {
  if (!hasThreadTime) return performance.now();
  const threads = readdirSync(`/proc/${pid}/task`);
  return Math.max(...threads.map((thread) => readMs(`/proc/${pid}/task/${thread}/schedstat`)));
}

function readMs(path: string): number {
  return Number(readFileSync(path, 'latin1').split(' ')[0]) / 1e6;
}
