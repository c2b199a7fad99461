// Stepping: by instruction and by line, into, over and out, from entry and from inside.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { AdapterSession, guestSource } from './adapter-session';

type Granularity = 'instruction' | 'line' | 'statement';

describe('steps', () => {
  let session: AdapterSession;
  let threadId: number;
  const lines = readFileSync(guestSource('hello-partition'), 'utf8').split('\n');

  beforeEach(async () => {
    session = await AdapterSession.launched('hello-partition');
    threadId = await session.threadId();
  });
  afterEach(() => session.end());

  const step = (command: 'next' | 'stepIn' | 'stepOut', granularity?: Granularity) =>
    session.stopOf(() => session.client.customRequest(command, { threadId, granularity }));

  async function runTo(name: string, condition?: string) {
    await session.client.setFunctionBreakpointsRequest({
      breakpoints: [{ name, ...(condition === undefined ? {} : { condition }) }],
    });
    await session.stopOf(() => session.client.continueRequest({ threadId }));
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [] });
  }

  it('go instruction by instruction', async () => {
    const stop = await step('stepIn', 'instruction');
    assert.deepEqual([stop.reason, stop.threadId], ['step', threadId]);
    assert.equal(await session.rip(), 0x100002);
    await step('next', 'instruction');
    assert.equal(await session.rip(), 0x100003);
  });

  it('enter a call by instruction, and step over it', async () => {
    for (let count = 0; count < 3; count++) await step('stepIn', 'instruction');
    const call = await session.rip();
    await step('next', 'instruction');
    assert.equal(await session.rip(), call + 5);
    assert.match(session.output.get('stdout') ?? '', /^Hello from a guest partition\.\n$/);
    await session.stopOf(() => session.client.customRequest('restart', {}));
    for (let count = 0; count < 4; count++) await step('stepIn', 'instruction');
    assert.equal((await session.topFrame()).name, 'print_string');
  });

  it('go line by line over a macro that calls', async () => {
    const first = (await session.topFrame()).line;
    await step('next');
    assert.equal((await session.topFrame()).line, first + 1);
    await step('next');
    const { line } = await session.topFrame();
    assert.match(lines[line - 1] ?? '', /mov +rax, BOOT_INFORMATION_MAGIC_TEXT/);
    assert.match(session.output.get('stdout') ?? '', /Hello from a guest partition/);
  });

  it('enter a callee that has lines', async () => {
    await step('next');
    await step('stepIn');
    const frames = await session.frames();
    assert.equal(frames[0]?.name, 'print_string');
    assert.match(frames[1]?.name ?? '', /^_start/);
    assert.match(frames[0]?.source?.path ?? '', /console\.inc$/);
  });

  it('come out of a callee, and finish the line of the caller', async () => {
    await runTo('print_string');
    await step('stepOut');
    assert.match((await session.topFrame()).name, /^_start\+0x/);
    assert.match(session.output.get('stdout') ?? '', /partition\.\n$/);
    await step('next');
    assert.match(lines[(await session.topFrame()).line - 1] ?? '', /BOOT_INFORMATION_MAGIC_TEXT/);
  });

  it('run through the hypercall page, which has no lines', async () => {
    await runTo('first_hypercall');
    for (let count = 0; count < 12; count++) {
      await step('stepIn');
      const { name, source } = await session.topFrame();
      assert.ok(source !== undefined, `${name} has a source`);
      if (name.startsWith('print_')) break;
    }
    const { body } = await session.client.customRequest('hyperscope/exits', {
      start: 0,
      count: 1,
      filter: { reasons: [18] },
    });
    assert.equal(body.total, 1);
  });

  it('show the disassembly where a stop has no source', async () => {
    await runTo('hypercall:*');
    const frame = await session.topFrame();
    assert.equal(frame.source, undefined);
    const stop = await step('stepIn', 'line');
    assert.equal(stop.reason, 'instruction breakpoint');
    assert.equal(stop.description, 'Stopped after a step');
  });

  it('finish the instruction of a pending VM exit', async () => {
    await runTo('exit:CPUID');
    const before = await session.rip();
    await step('stepIn', 'instruction');
    assert.equal(await session.rip(), before + 2);
    assert.match((await session.variable('VMCS', 'Exit information')).value, /handled/);
  });

  it('refuse to step out where there is no caller', async () => {
    const message = await session.refusal('stepOut', { threadId });
    assert.match(message, /no return address/);
    await step('next');
  });

  it('stop at breakpoints on the way', async () => {
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'exit:*' }] });
    await step('next');
    const stop = await step('next');
    assert.equal(stop.reason, 'function breakpoint');
    assert.match(stop.text ?? '', /VM exit 1/);
  });

  it('refuse an unknown thread', async () => {
    assert.match(await session.refusal('next', { threadId: 4 }), /no thread 4/);
  });
});

describe('steps through repeated instructions', () => {
  let session: AdapterSession;
  let threadId: number;
  beforeEach(async () => {
    session = await AdapterSession.launched('string-io');
    threadId = await session.threadId();
  });
  afterEach(() => session.end());

  async function runToFirst(text: string): Promise<void> {
    const source = readFileSync(guestSource('string-io'), 'utf8').split('\n');
    const line = source.findIndex((row) => row.trim().startsWith(text)) + 1;
    const path = guestSource('string-io');
    await session.client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line }] });
    await session.stopOf(() => session.client.continueRequest({ threadId }));
  }

  for (const text of ['rep outsb', 'rep movsb']) {
    it(`go one iteration into ${text}, or over all of it`, async () => {
      await runToFirst(text);
      const rip = await session.rip();
      const count = Number((await session.evaluate('rcx')).split(' ')[0]);
      await session.stopOf(() =>
        session.client.customRequest('stepIn', { threadId, granularity: 'instruction' }),
      );
      assert.equal(await session.rip(), rip);
      assert.equal(Number((await session.evaluate('rcx')).split(' ')[0]), count - 1);
      await session.stopOf(() => session.client.nextRequest({ threadId }));
      assert.equal(await session.evaluate('rcx'), '0x0');
      assert.equal(await session.rip(), rip + 2);
    });

    it(`stop once at a breakpoint on ${text}`, async () => {
      await runToFirst(text);
      const rip = await session.rip();
      const path = guestSource('string-io');
      const ended = session.client.waitForEvent('terminated');
      let hits = 1;
      session.client.on('stopped', () => {
        hits++;
        void session.client.continueRequest({ threadId });
      });
      await session.client.continueRequest({ threadId });
      await ended;
      const expected = readFileSync(path, 'utf8')
        .split('\n')
        .filter((row) => row.trim() === text);
      assert.ok(hits <= expected.length, `${hits} hits at 0x${rip.toString(16)}`);
    });
  }
});
