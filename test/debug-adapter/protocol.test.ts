// Malformed traffic: every piece of it is answered or skipped, and the adapter lives on.
import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { connect } from 'node:net';
import { adapterPath } from './adapter-session';

interface Message {
  readonly type: string;
  readonly command?: string;
  readonly success?: boolean;
  readonly message?: string;
  readonly request_seq?: number;
}

function frame(body: string): string {
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function request(seq: number, command: string, args?: unknown): string {
  return frame(JSON.stringify({ seq, type: 'request', command, arguments: args }));
}

/** The adapter's process with raw access to its streams. */
class RawAdapter {
  readonly process: ChildProcessWithoutNullStreams = spawn('node', [adapterPath]);
  private received = Buffer.alloc(0);
  private readonly messages: Message[] = [];
  private wake: () => void = () => undefined;

  constructor() {
    this.process.stdout.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.parse();
      this.wake();
    });
  }

  write(text: string | Buffer): void {
    this.process.stdin.write(text);
  }

  /** The next message for which `wanted` says true. */
  async next(wanted: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const index = this.messages.findIndex(wanted);
      const [found] = index < 0 ? [] : this.messages.splice(index, 1);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private parse(): void {
    for (;;) {
      const end = this.received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(
        /Content-Length: (\d+)/.exec(this.received.toString('latin1', 0, end))?.[1],
      );
      if (this.received.length < end + 4 + length) return;
      this.messages.push(JSON.parse(this.received.toString('utf8', end + 4, end + 4 + length)));
      this.received = this.received.subarray(end + 4 + length);
    }
  }
}

describe('malformed traffic', () => {
  let adapter: RawAdapter;
  beforeEach(() => {
    adapter = new RawAdapter();
  });
  afterEach(() => {
    adapter.process.kill();
  });

  async function isAlive(): Promise<void> {
    adapter.write(request(900, 'initialize', {}));
    const answer = await adapter.next((message) => message.request_seq === 900);
    assert.equal(answer.success, true);
  }

  const malformed: readonly (readonly [title: string, text: string | Buffer])[] = [
    ['a body that is no JSON', frame('{not json')],
    ['an empty body', frame('')],
    ['a body that is a number', frame('7')],
    ['a body that is null', frame('null')],
    ['a body that is a list', frame('[1,2,3]')],
    ['an object that is no message', frame('{}')],
    ['a request without a command', frame('{"seq":1,"type":"request"}')],
    ['a request with a numeric command', frame('{"seq":1,"type":"request","command":3}')],
    ['a header without a length', 'Content-Type: x\r\n\r\n'],
    ['a negative length', 'Content-Length: -5\r\n\r\n'],
    ['a length that is no number', 'Content-Length: many\r\n\r\n'],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from('Content-Length: 3\r\n\r\n'), Buffer.from([0xff, 0xfe, 0x80])]),
    ],
    ['garbage without an end', Buffer.alloc(10_000, 0x41)],
    ['deep nesting', frame('['.repeat(200_000))],
  ];
  for (const [title, text] of malformed) {
    it(`answers ${title} with an error and lives on`, async () => {
      adapter.write(text);
      const answer = await adapter.next((message) => message.type === 'response');
      assert.equal(answer.success, false);
      assert.match(answer.message ?? '', /Malformed message/);
      await isAlive();
    });
  }

  it('skips a body that is too long', async () => {
    adapter.write('Content-Length: 9000000\r\n\r\n');
    adapter.write(Buffer.alloc(9_000_000, 0x20));
    const answer = await adapter.next((message) => message.type === 'response');
    assert.match(answer.message ?? '', /too long/);
    await isAlive();
  });

  it('reads frames that come byte by byte and several at once', async () => {
    for (const byte of request(1, 'initialize', {})) adapter.write(byte);
    await adapter.next((message) => message.request_seq === 1);
    adapter.write(request(2, 'threads') + request(3, 'threads') + request(4, 'threads'));
    for (const seq of [2, 3, 4]) await adapter.next((message) => message.request_seq === seq);
  });

  const wrongArguments: readonly (readonly [command: string, args: unknown, text: RegExp])[] = [
    ['nosuch', {}, /does not know the request "nosuch"/],
    ['stackTrce', {}, /Did you mean "stackTrace"/],
    ['toString', {}, /does not know/],
    ['__proto__', {}, /does not know/],
    ['launch', 'text', /no object/],
    ['launch', [], /no object/],
    ['setBreakpoints', {}, /needs an object as "source"|No guest/],
    ['stackTrace', { threadId: 'one' }, /No guest|whole number/],
    ['scopes', null, /No guest|whole number/],
  ];
  for (const [command, args, text] of wrongArguments) {
    it(`refuses ${command} with ${JSON.stringify(args)}`, async () => {
      adapter.write(request(5, command, args));
      const answer = await adapter.next((message) => message.request_seq === 5);
      assert.equal(answer.success, false);
      assert.match(answer.message ?? '', text);
      await isAlive();
    });
  }

  it('ignores responses to requests that were never made', async () => {
    adapter.write(
      frame('{"seq":1,"type":"response","request_seq":77,"success":true,"command":"x"}'),
    );
    await isAlive();
  });

  it('ends when the client goes away', async () => {
    const ended = new Promise((resolve) => adapter.process.on('exit', resolve));
    adapter.process.stdin.end();
    assert.equal(await ended, 0);
  });
});

describe('the socket server', () => {
  it('serves a session on a port of this computer', async () => {
    const server = spawn('node', [adapterPath, '--server=0']);
    try {
      const port = await new Promise<number>((resolve) => {
        server.stderr.on('data', (chunk: Buffer) => {
          const match = /127\.0\.0\.1:(\d+)/.exec(chunk.toString());
          if (match !== null) resolve(Number(match[1]));
        });
      });
      const socket = connect(port, '127.0.0.1');
      socket.write(request(1, 'initialize', {}));
      const answer = await new Promise<string>((resolve) => {
        socket.once('data', (chunk) => resolve(chunk.toString()));
      });
      assert.match(answer, /"success":true/);
      socket.destroy();
    } finally {
      server.kill();
    }
  });

  for (const port of ['x', '99999', '']) {
    it(`refuses the port "${port}"`, async () => {
      const server = spawn('node', [adapterPath, `--server=${port}`]);
      const code = await new Promise((resolve) => server.on('exit', resolve));
      assert.equal(code, 2);
    });
  }
});
