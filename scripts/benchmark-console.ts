// `npm run benchmark:console`: a stock Debian kernel at its shell: how soon a typed key is shown, and what idling costs.
// Options: --keys=100, --seconds=10 (of idling), --check (fail where a figure misses its goal). Needs util-linux's script.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds } from './boot-benchmark/measured-process';
import { root } from './vscode-host/paths.mjs';

const goals = { echoMs: 50, idleShare: 0.05 } as const;
const prompt = 'guest:/# ';
const settleMs = 2000;
const bootTimeoutMs = 300_000;
const echoTimeoutMs = 5000;
const betweenKeysMs = 130;

const option = (name: string, usual: number): number =>
  Number(
    process.argv.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? usual,
  );
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a terminal has shown since it was last asked, and a way to wait for more. */
class Screen {
  private shown = '';
  private heard = (): void => undefined;

  constructor(private readonly terminal: ChildProcess) {
    terminal.stdout?.on('data', (data: Buffer) => {
      this.shown += data.toString('latin1');
      this.heard();
    });
  }

  type(text: string): void {
    this.shown = '';
    this.terminal.stdin?.write(text);
  }

  async waitFor(text: string, timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!this.shown.includes(text)) {
      const left = end - performance.now();
      if (left <= 0) throw new Error(`"${text}" was not shown:\n${this.shown.slice(-500)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

function guestCommand(): string {
  const folder = join(root, '.cache/guests/debian-cloud');
  const [kernel, initrd] = [join(folder, 'vmlinuz'), join(folder, 'initrd.cpio')];
  if (!existsSync(kernel)) throw new Error(`There is no ${kernel}: npm run guest:debian.`);
  const command = [process.execPath, join(root, 'dist/command-line.cjs'), 'run'];
  const files = ['--kernel', kernel, '--initrd', initrd, '--append', 'console=ttyS0'];
  return `exec ${[...command, ...files].map((word) => `'${word}'`).join(' ')}`;
}

/** The only child of a process. */
function childOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
  return Number(text.trim().split(' ')[0]);
}

async function measureEchoes(screen: Screen, count: number): Promise<readonly number[]> {
  const echoes: number[] = [];
  for (let index = 0; index < count; index++) {
    const key = String.fromCharCode(97 + (index % 26));
    const started = performance.now();
    screen.type(key);
    await screen.waitFor(key, echoTimeoutMs);
    echoes.push(performance.now() - started);
    await pause(betweenKeysMs);
    // Ctrl-U clears the line before it is broken.
    if (index % 40 === 39) screen.type('\x15');
  }
  return echoes.sort((a, b) => a - b);
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

const terminal = spawn('script', ['-qfc', guestCommand(), '/dev/null'], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
try {
  const screen = new Screen(terminal);
  await screen.waitFor(prompt, bootTimeoutMs);
  await pause(settleMs);
  const echoes = await measureEchoes(screen, option('keys', 100));
  await pause(settleMs);
  const guest = childOf(terminal.pid ?? 0);
  const seconds = option('seconds', 10);
  const before = cpuSeconds(guest);
  await pause(seconds * 1000);
  const idleShare = (cpuSeconds(guest) - before) / seconds;
  const p95 = at(echoes, 0.95);
  console.log(
    `echo of a typed key: median ${at(echoes, 0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`,
  );
  console.log(`idle at the shell: ${(idleShare * 100).toFixed(1)} % of a core`);
  const isMissed = p95 > goals.echoMs || idleShare > goals.idleShare;
  if (isMissed && process.argv.includes('--check')) process.exitCode = 1;
} finally {
  terminal.stdin?.end('\x1d');
}
