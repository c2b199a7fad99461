// One guest by itself over DAP and on the command line: saved, deleted, restored, started; the other goes on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  customRequest,
  type PartitionInfo,
  type PartitionsBody,
} from '../../debug-adapter/protocol/custom-requests';
import { AdapterSession, guestImage } from './adapter-session';

const [hello, spin] = [2, 3];
const guests = [
  { name: 'hello', program: guestImage('hello-partition') },
  { name: 'spin', program: guestImage('spin') },
];

describe('a partition that is saved, deleted and restored', () => {
  let session: AdapterSession;
  let folder: string;
  let file: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-'));
    file = join(folder, 'hello.hyperscope-partition');
  });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => session.end());

  /** A session with both guests, stopped where the first one makes a hypercall that is refused. */
  async function stopped(): Promise<void> {
    session = await AdapterSession.start();
    await session.launch({ guests });
    await session.stopOf(() => session.client.configurationDoneRequest());
    const set = (breakpoints: readonly { name: string }[]): Promise<unknown> =>
      session.client.setFunctionBreakpointsRequest({ breakpoints: [...breakpoints] });
    await set([{ name: 'bad_hypercall' }]);
    await session.stopOf(async () => goOn());
    await set([]);
  }

  const goOn = async (): Promise<void> => {
    await session.client.continueRequest({ threadId: await session.threadId() });
  };
  const request = async (command: string, args: object = {}): Promise<unknown> =>
    (await session.client.customRequest(command, args)).body;
  const partition = async (id: number): Promise<PartitionInfo> => {
    // The client does not type the bodies of custom requests.
    const body = (await request(customRequest.partitions)) as PartitionsBody;
    return body.partitions.find((each) => each.id === id) ?? assert.fail(`partition ${id}`);
  };
  const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));
  const pause = async (): Promise<void> => {
    const threadId = await session.threadId();
    await session.stopOf(() => session.client.pauseRequest({ threadId }));
  };

  /** Runs until the first guest has halted for good. @returns what it came to, and what it has shown */
  async function endOfHello(): Promise<unknown> {
    await goOn();
    for (let turn = 0; turn < 500; turn++) {
      const { processors } = await partition(hello);
      if (processors.every(({ state }) => state === 'halted')) break;
      await rest();
    }
    await pause();
    const [processor] = (await partition(hello)).processors;
    return { processor, console: session.output.get('stdout') };
  }

  it('goes on as if it had never stopped, and the other went on meanwhile', async () => {
    await stopped();
    const expected = await endOfHello();
    await session.end();
    await stopped();
    await request(customRequest.savePartition, { partition: hello, path: file });
    await request(customRequest.deletePartition, { partition: hello });
    assert.equal((await partition(hello)).isDeleted, true);
    const { threads } = (await session.client.threadsRequest()).body;
    assert.deepEqual(
      threads.map(({ name }) => name),
      ['spin: VP 0'],
    );
    const before = (await partition(spin)).processors[0]?.retired ?? 0;
    await goOn();
    await rest();
    await pause();
    assert.ok(((await partition(spin)).processors[0]?.retired ?? 0) > before);
    assert.deepEqual(await request(customRequest.restorePartition, { path: file }), {
      partition: hello,
    });
    assert.equal((await partition(hello)).isDeleted, false);
    assert.deepEqual(await endOfHello(), expected);
  });

  it('starts again, and refusals say why', async () => {
    await stopped();
    const refusal = (command: string, args: object): Promise<string> =>
      session.refusal(command, args);
    assert.match(await refusal(customRequest.startPartition, { partition: hello }), /runs already/);
    const missing = join(folder, 'missing');
    assert.match(await refusal(customRequest.restorePartition, { path: missing }), /missing/);
    writeFileSync(join(folder, 'text'), 'no partition');
    const foreign = { path: join(folder, 'text'), partition: hello };
    assert.match(await refusal(customRequest.restorePartition, foreign), /not saved by Hyperscope/);
    await request(customRequest.savePartition, { partition: spin, path: file });
    const other = { path: file, partition: hello };
    assert.match(await refusal(customRequest.restorePartition, other), /another configuration/);
    await request(customRequest.deletePartition, { partition: hello });
    const gone = { partition: hello, path: file };
    assert.match(await refusal(customRequest.savePartition, gone), /has been deleted/);
    await request(customRequest.startPartition, { partition: hello });
    const once = session.output.get('stdout') ?? '';
    await endOfHello();
    assert.ok((session.output.get('stdout') ?? '').startsWith(once + once.slice(0, 20)));
  });

  it('on the command line: what is shown before and behind is what is shown at once', () => {
    const commandLine = fileURLToPath(new URL('../../dist/command-line.cjs', import.meta.url));
    const run = (...options: readonly string[]): string => {
      const words = [commandLine, 'run', guestImage('hello-partition'), '--quiet', ...options];
      const { stdout } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 60_000 });
      return stdout;
    };
    const whole = run();
    const first = run('--steps', '900', '--save-partition', file);
    const second = run('--restore-partition', file);
    assert.ok(first.length > 10 && second.length > 10, `${first} | ${second}`);
    assert.equal((first + second).replaceAll('\n', ''), whole.replaceAll('\n', ''));
  });
});
