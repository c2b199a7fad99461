// Measures what tracing costs a boot from a synthetic disk: CPU time without any record, with the recording that panels
// read, and with `--trace vmbus` besides. Needs `npm run guest:debian -- --root-disk`.
// Arguments: [--rounds N] [--check]; --check fails where recording or printing costs 15 % or more.
import { spawnSync } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openHeadless } from '../debug-adapter/debugger/open-target';
import { nodePorts } from '../debug-adapter/host/node-ports';
import { parseLaunchArguments } from '../debug-adapter/launch/launch-arguments';
import { RingLog } from '../debug-adapter/support/ring-log';
import { TraceStream } from '../debug-adapter/system/trace-stream';
import { mainThreadMs } from './benchmark/thread-time';

const costMaximum = 0.15;
const modes = ['nothing', 'recorded', 'printed'] as const;
type Mode = (typeof modes)[number];

/** The shell of the userland on the disk. */
const marker = '# ';
const guest = '.cache/guests/debian-cloud';

/** Events are made as always, and lead nowhere. */
function recordNothing(): void {
  TraceStream.prototype.append = () => undefined;
  const reserve = RingLog.prototype.reserve;
  RingLog.prototype.reserve = function (this: RingLog): number {
    return this.recorded === 0 ? reserve.call(this) : 0;
  };
}

/** CPU time of one boot in this process. */
function boot(mode: Mode): number {
  const machine = openHeadless(
    parseLaunchArguments({
      program: `${guest}/vmlinuz`,
      initrd: `${guest}/initrd.cpio`,
      commandLine: 'console=ttyS0 nokaslr cryptomgr.notests=1 root=LABEL=hyperscope',
      disks: [`${guest}/root.ext4`],
    }),
    nodePorts,
  );
  if (mode === 'printed') {
    const file = openSync(devNull, 'w');
    const kinds = ['vmbus-message', 'vmbus-packet', 'vmbus-signal'] as const;
    machine.trace(new Set(kinds), ({ position, timeNs, partition, text }) => {
      writeSync(file, `${position} ${timeNs} ns p${partition} ${text}\n`);
    });
  }
  const startMs = mainThreadMs();
  const decoder = new TextDecoder();
  for (let seen = ''; !seen.includes(marker); seen = seen.slice(-2000)) {
    const stop = machine.advance(1_000_000);
    if (stop !== undefined) throw new Error(`${stop.kind}: ${seen}`);
    for (const { bytes } of machine.takeConsole()) seen += decoder.decode(bytes, { stream: true });
  }
  return mainThreadMs() - startMs;
}

/** The same in a process of its own, so that no boot finds another one's code hot. */
function bootApart(mode: Mode): number {
  const arguments_ = ['--import=tsx', fileURLToPath(import.meta.url), `--mode=${mode}`];
  const { stdout, stderr, status } = spawnSync(process.execPath, arguments_, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout.trim().split('\n').at(-1));
}

const given = process.argv.find((text) => text.startsWith('--mode='))?.slice('--mode='.length);
const mode = modes.find((each) => each === given);
if (mode !== undefined) {
  if (mode === 'nothing') recordNothing();
  console.log(boot(mode));
} else {
  const option = process.argv.indexOf('--rounds');
  const rounds = option < 0 ? 3 : Number(process.argv[option + 1]);
  const best = new Map<Mode, number>();
  for (let round = 0; round < rounds; round++) {
    for (const each of modes) {
      const ms = bootApart(each);
      best.set(each, Math.min(best.get(each) ?? Infinity, ms));
      console.log(`${each}: ${(ms / 1000).toFixed(2)} s of CPU time`);
    }
  }
  const without = best.get('nothing') ?? NaN;
  for (const each of ['recorded', 'printed'] as const) {
    const cost = (best.get(each) ?? NaN) / without - 1;
    console.log(`${each} costs ${(100 * cost).toFixed(1)} %`);
    if (process.argv.includes('--check') && !(cost < costMaximum)) process.exitCode = 1;
  }
}
