// `npm run benchmark:pause`: how long a pause takes while a stock Debian kernel boots and its code warms up.
// Options: --every=40 (milliseconds that the guest runs between two), --check (fail where one took 50 ms or more).
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { busiestThreadMs } from './benchmark/thread-time';
import { root } from './vscode-host/paths.mjs';

const goalMs = 50;
/** What the first process of the guest prints. */
const marker = 'HYPERSCOPE-GUEST-READY';
const timeoutMs = 180_000;
const longestShown = 5;

const everyMs = Number(
  process.argv.find((text) => text.startsWith('--every='))?.slice('--every='.length) ?? 40,
);

/** One pause: how long after the boot began it was asked for, and how long it took. */
interface Pause {
  readonly atMs: number;
  readonly tookMs: number;
  /** Of that, how long the adapter's busiest thread ran: a busy host does not count. */
  readonly ranMs: number;
}

const adapter = join(root, 'dist/debug-adapter.cjs');

/** The child that runs the adapter. */
function adapterProcess(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1');
  const found = children
    .trim()
    .split(' ')
    .find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(adapter));
  return Number(found);
}

/** Boots to the marker, and pauses again and again. */
async function measure(client: DebugClient): Promise<readonly Pause[]> {
  const folder = join(root, '.cache/guests/debian-cloud');
  const [program, initrd] = [join(folder, 'vmlinuz'), join(folder, 'initrd.cpio')];
  if (!existsSync(program)) throw new Error(`There is no ${program}: npm run guest:debian.`);
  let shown = '';
  client.on('output', ({ body }: DebugProtocol.OutputEvent) => (shown += body.output));
  await client.initializeRequest({ adapterID: 'hyperscope', pathFormat: 'path' });
  const ready = client.waitForEvent('initialized', timeoutMs);
  const entered = client.waitForEvent('stopped', timeoutMs);
  const options = { program, initrd, commandLine: 'console=ttyS0', stopOnEntry: true };
  await Promise.all([client.customRequest('launch', options), ready]);
  await Promise.all([client.configurationDoneRequest(), entered]);
  const { threads } = (await client.threadsRequest()).body;
  const threadId = threads[0]?.id ?? 0;
  const pauses: Pause[] = [];
  const pid = adapterProcess();
  const started = performance.now();
  while (!shown.includes(marker)) {
    await client.continueRequest({ threadId });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    const asked = performance.now();
    const ranBefore = busiestThreadMs(pid);
    const stopped = client.waitForEvent('stopped', timeoutMs);
    await Promise.all([client.pauseRequest({ threadId }), stopped]);
    const tookMs = performance.now() - asked;
    pauses.push({ atMs: asked - started, tookMs, ranMs: busiestThreadMs(pid) - ranBefore });
    if (asked - started > timeoutMs) throw new Error(`no marker:\n${shown.slice(-500)}`);
  }
  return pauses;
}

/** True where every pause was soon enough, by the time that the adapter ran. */
function report(pauses: readonly Pause[]): boolean {
  const line = (title: string, value: (pause: Pause) => number): void => {
    const sorted = [...pauses].sort((a, b) => value(a) - value(b));
    const share = (part: number): string => {
      const pause = sorted[Math.floor((sorted.length - 1) * part)];
      return (pause === undefined ? NaN : value(pause)).toFixed(1);
    };
    const text = (pause: Pause): string =>
      `${value(pause).toFixed(0)} (${(pause.atMs / 1000).toFixed(1)} s after the start)`;
    const longest = sorted.slice(-longestShown).reverse().map(text).join(', ');
    console.log(`${title}: median ${share(0.5)}, p95 ${share(0.95)}, the longest ${longest}`);
  };
  console.log(`${pauses.length} pauses while the kernel boots, in milliseconds`);
  line('wall clock', ({ tookMs }) => tookMs);
  line('processor time', ({ ranMs }) => ranMs);
  return pauses.every(({ ranMs }) => ranMs < goalMs);
}

const client = new DebugClient('node', adapter, 'hyperscope');
client.defaultTimeout = timeoutMs;
await client.start();
try {
  const isGood = report(await measure(client));
  if (!isGood && process.argv.includes('--check')) process.exitCode = 1;
} finally {
  await client.disconnectRequest().catch(() => client.stop());
}
