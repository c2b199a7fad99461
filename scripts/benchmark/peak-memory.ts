// The most memory that processes have had, from Linux's accounting; elsewhere what Node knows has to do.
import { existsSync, readFileSync } from 'node:fs';

const ownStatus = '/proc/self/status';

/**
 * MiB of this process at most. Not `maxRSS`, which Linux hands over from the process that started this one: a child of a
 * large process would have been as large before its first instruction.
 */
export function peakMemoryMiB(): number {
  if (!existsSync(ownStatus)) return process.resourceUsage().maxRSS / 1024;
  return peakOfStatus(readFileSync(ownStatus, 'latin1'));
}

/** MiB at most, from the text of a `/proc/PID/status` (proc_pid_status(5)); NaN where the process is gone. */
export function peakOfStatus(text: string): number {
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(text)?.[1] ?? NaN) / 1024;
}
