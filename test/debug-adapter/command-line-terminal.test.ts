// The command line at a terminal: keys go to the guest as they are, Ctrl-] leaves, and progress is shown while nothing is printed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { guestImage } from './adapter-session';

const bundle = fileURLToPath(new URL('../../dist/command-line.cjs', import.meta.url));
const leaveKey = '\x1d';

/** `script` of util-linux runs a command at a terminal of its own. */
const hasScript = /util-linux/.test(
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout,
);

/** Runs a guest at a terminal, presses keys once `text` is shown, and says what the terminal is like afterwards. */
async function atTerminal(guest: string, text: RegExp, keys: string): Promise<string> {
  const command = `'${process.execPath}' '${bundle}' run '${guestImage(guest)}'`;
  const after = `echo "status=$?"; stty -a | grep -oE -- '-?(icanon|isig|echo) '`;
  const shell = spawn('script', ['-qfec', `${command}; ${after}`, '/dev/null']);
  let shown = '';
  let isTyped = false;
  shell.stdout.setEncoding('utf8').on('data', (data: string) => {
    shown += data;
    if (isTyped || !text.test(shown)) return;
    isTyped = true;
    shell.stdin.write(keys);
  });
  await new Promise((resolve) => shell.on('close', resolve));
  return shown;
}

describe('hyperscope run at a terminal', function () {
  this.timeout(30_000);

  before('needs script of util-linux', function () {
    if (!hasScript) this.skip();
  });

  it('shows progress where the guest is silent, is left by Ctrl-], and gives the terminal back', async () => {
    const shown = await atTerminal('spin', /… \d+ M instructions/, `\x03q${leaveKey}`);
    assert.match(shown, /Press Ctrl-\] to leave the guest\./);
    assert.match(shown, /\r\x1b\[K… \d+ M instructions, \d+\.\d\d s of virtual time, \d+ M\/s/);
    // Ctrl-C before was a key like any other; this guest takes none, which does not end it.
    assert.match(shown, /\r\x1b\[KThe console port of a sample guest only writes/);
    assert.match(shown, /You left the guest\. \d+ instructions/);
    assert.match(shown, /status=0\r\n/);
    assert.match(shown, /status=0[^-]*icanon[^-]*echo /s);
  });
});
