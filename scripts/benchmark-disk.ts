// Measures how fast a stock guest reads a synthetic disk: bytes that dd moves, for each second of this process's CPU time.
// Needs `npm run guest:debian`. Arguments: [--megabytes N] [--check]; --check fails below the limit.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HeadlessRun } from '../debug-adapter/debugger/headless-run';
import { openHeadless } from '../debug-adapter/debugger/open-target';
import { nodePorts } from '../debug-adapter/host/node-ports';
import { parseLaunchArguments } from '../debug-adapter/launch/launch-arguments';
import { mainThreadMs } from './benchmark/thread-time';

const limitMegabytesPerSecond = 200;
const megabyte = 1e6;

const option = process.argv.indexOf('--megabytes');
const megabytes = option < 0 ? 400 : Number(process.argv[option + 1]);
const folder = mkdtempSync(join(tmpdir(), 'hyperscope-disk-'));
const path = join(folder, 'disk.raw');
const pattern = Uint8Array.from({ length: megabyte }, (_, index) => index ^ (index >>> 8));
writeFileSync(path, '');
for (let written = 0; written < megabytes; written++) writeFileSync(path, pattern, { flag: 'a' });

const guest = '.cache/guests/debian-cloud';
const launch = {
  program: `${guest}/vmlinuz`,
  initrd: `${guest}/initrd.cpio`,
  commandLine: 'console=ttyS0 nokaslr cryptomgr.notests=1 hyperscope.modules=hyperv',
  memory: '256M',
  disks: [path],
};
const machine: HeadlessRun = openHeadless(parseLaunchArguments(launch), nodePorts);

/** A guest that has nothing left to do is not run much longer: its idle time would be counted. */
const sliceNs = 2_000_000;
let limitNs = 0;

/** Runs until the console shows `text`. @throws Error where the guest ends before */
function runUntil(text: string): void {
  const decoder = new TextDecoder();
  for (let seen = ''; !seen.includes(text); seen = seen.slice(-2000)) {
    limitNs = Math.max(limitNs, machine.timeNs) + sliceNs;
    const stop = machine.advance(1_000_000, limitNs);
    if (stop !== undefined) throw new Error(`${stop.kind}: ${seen}`);
    for (const { bytes } of machine.takeConsole()) seen += decoder.decode(bytes, { stream: true });
  }
}

runUntil(':/# ');

/** Megabytes for each second of CPU time, real time and virtual time. */
function measure(command: string): readonly [cpu: number, real: number, virtual: number] {
  const data = new TextEncoder().encode(`${command}; echo end'.'\n`);
  const [cpuMs, realMs, timeNs] = [mainThreadMs(), performance.now(), machine.timeNs];
  machine.type(data);
  runUntil('\nend.');
  const seconds = [
    (mainThreadMs() - cpuMs) / 1000,
    (performance.now() - realMs) / 1000,
    (machine.timeNs - timeNs) / 1e9,
  ] as const;
  return [megabytes / seconds[0], megabytes / seconds[1], megabytes / seconds[2]];
}

const empty = 'echo 3 > /proc/sys/vm/drop_caches';
const runs: readonly (readonly [title: string, command: string])[] = [
  ['dd, direct', 'dd if=/dev/sda of=/dev/null bs=1M iflag=direct'],
  ['dd, through the page cache', `${empty}; dd if=/dev/sda of=/dev/null bs=1M`],
];
const best = new Map<string, number>();
for (let round = 0; round < 3; round++) {
  for (const [title, command] of runs) {
    const [cpu, real, virtual] = measure(command);
    best.set(title, Math.max(best.get(title) ?? 0, cpu));
    console.log(
      `${title}: ${cpu.toFixed(0)} MB/s of CPU time, ${real.toFixed(0)} of real time, ${virtual.toFixed(0)} of virtual time`,
    );
  }
}
rmSync(folder, { recursive: true });
const slowest = Math.min(...best.values());
console.log(`slowest of the best: ${slowest.toFixed(0)} MB/s`);
if (process.argv.includes('--check') && slowest < limitMegabytesPerSecond) process.exitCode = 1;
