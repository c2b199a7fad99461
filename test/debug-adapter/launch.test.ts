// Launching: what a wrong launch is answered with, and the life of a session.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdapterSession, guestImage } from './adapter-session';

/** A copy of a guest's image with some bytes changed. */
function patched(offset: number, ...bytes: readonly number[]): Uint8Array {
  const image = new Uint8Array(readFileSync(guestImage('hello-partition')));
  image.set(bytes, offset);
  return image;
}

describe('launch', () => {
  let session: AdapterSession;
  let folder: string;

  beforeEach(async () => {
    session = await AdapterSession.start();
    await session.client.initializeRequest();
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-'));
  });
  afterEach(async () => {
    await session.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const badArguments: readonly (readonly [title: string, args: object, text: RegExp])[] = [
    ['no program', {}, /"program" is missing/],
    ['an unknown argument', { program: 'x', memroy: 64 }, /"memroy".*Did you mean "memory"/],
    ['a wrong size', { program: 'x', memory: 'much' }, /"memory" is "much"/],
    [
      '65 processors',
      { program: 'x', processors: 65 },
      /"processors" must be a whole number from 1 to 64/,
    ],
    ['a missing file', { program: '/nowhere/guest.elf' }, /no file \/nowhere\/guest\.elf/],
    ['a folder', { program: tmpdir() }, /is a folder/],
  ];
  for (const [title, args, text] of badArguments) {
    it(`refuses ${title} and can be used again`, async () => {
      assert.match(await session.refusal('launch', args), text);
      await session.client.customRequest('launch', { program: guestImage('hello-partition') });
    });
  }

  const badImages: readonly (readonly [title: string, image: () => Uint8Array, text: RegExp])[] = [
    ['an empty image', () => new Uint8Array(0), /empty/],
    ['a text file', () => new Uint8Array(4096).fill(0x41), /not an ELF/],
    ['a truncated header', () => patched(0).slice(0, 40), /ends|truncated|cut|short/i],
    ['a truncated image', () => patched(0).slice(0, 4200), /ends|truncated|cut|short|reaches/i],
    ['a 32-bit image', () => patched(4, 1), /64-bit/],
    ['a big-endian image', () => patched(5, 2), /little-endian|big-endian/],
    ['an ARM image', () => patched(18, 0xb7, 0), /x86-64/],
  ];
  for (const [title, image, text] of badImages) {
    it(`refuses ${title} with a message that names the file`, async () => {
      const program = join(folder, 'guest.elf');
      writeFileSync(program, image());
      const message = await session.refusal('launch', { program });
      assert.match(message, text);
      assert.ok(message.includes('guest.elf'), message);
    });
  }

  it('runs an image whose debug information is damaged, and says so', async () => {
    const program = join(folder, 'guest.elf');
    const image = patched(0);
    // A section header table far behind the end of the file: the loader needs none.
    new DataView(image.buffer).setBigUint64(40, 0x7fffffffn, true);
    writeFileSync(program, image);
    await session.client.customRequest('launch', { program });
    await session.stopOf(() => session.client.configurationDoneRequest());
    assert.match(session.output.get('console') ?? '', /[Ss]ymbols are not available/);
    const body = await session.client.setFunctionBreakpointsRequest({
      breakpoints: [{ name: '*0x100005' }],
    });
    assert.equal(body.body.breakpoints[0]?.verified, true);
  });

  it('refuses a second launch', async () => {
    await session.client.customRequest('launch', { program: guestImage('hello-partition') });
    const again = { program: guestImage('hello-partition') };
    assert.match(await session.refusal('launch', again), /launched its guest already/);
  });

  const needGuest: readonly (readonly [command: string, args: object])[] = [
    ['stackTrace', { threadId: 513 }],
    ['scopes', { frameId: 1 }],
    ['evaluate', { expression: 'rax' }],
    ['disassemble', { memoryReference: '0x100000', instructionCount: 1 }],
    ['readMemory', { memoryReference: '0x100000', count: 1 }],
    ['continue', { threadId: 513 }],
    ['restart', {}],
    ['configurationDone', {}],
    ['setFunctionBreakpoints', { breakpoints: [] }],
    ['hyperscope/partitions', {}],
    ['hyperscope/exits', { start: 0, count: 1 }],
  ];
  for (const [command, args] of needGuest) {
    it(`answers ${command} before launch with a message`, async () => {
      assert.match(await session.refusal(command, args), /No guest has been launched/);
    });
  }

  it('stops on entry at the first instruction', async () => {
    await session.client.customRequest('launch', { program: guestImage('hello-partition') });
    const stop = await session.stopOf(() => session.client.configurationDoneRequest());
    assert.equal(stop.reason, 'entry');
    assert.equal(stop.allThreadsStopped, true);
    assert.equal((await session.topFrame()).name, '_start');
  });

  it('runs to the end without stopping where asked to', async () => {
    const program = guestImage('string-io');
    const options = { program, stopOnEntry: false, stopAtEnd: false };
    await session.client.customRequest('launch', options);
    const exited = session.client.waitForEvent('exited');
    const terminated = session.client.waitForEvent('terminated');
    await session.client.configurationDoneRequest();
    assert.equal((await exited).body.exitCode, 0);
    await terminated;
    assert.match(session.output.get('stdout') ?? '', /All six tests passed/);
  });

  it('stays at the end, steps back from there, and ends where it goes on', async () => {
    const program = guestImage('string-io');
    await session.client.customRequest('launch', { program, stopOnEntry: false });
    const stop = await session.stopOf(() => session.client.configurationDoneRequest());
    assert.equal(stop.description, 'Ended with exit code 0');
    const threadId = await session.threadId();
    const back = await session.stopOf(() => session.client.stepBackRequest({ threadId }));
    assert.equal(back.description, 'Stopped after a step back, in the past');
    const again = await session.stopOf(() => session.client.continueRequest({ threadId }));
    assert.equal(again.description, 'Ended with exit code 0');
    const terminated = session.client.waitForEvent('terminated');
    await session.client.continueRequest({ threadId });
    await terminated;
  });

  it('runs several guests side by side, each to its own end', async () => {
    const guests = ['hello-partition', 'string-io', 'string-io'].map((name) => ({
      program: guestImage(name),
    }));
    await session.client.customRequest('launch', { guests });
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'print_string' }] });
    await session.stopOf(() => session.client.configurationDoneRequest());
    const { threads } = (await session.client.threadsRequest()).body;
    assert.deepEqual(
      threads.map(({ name }) => name),
      ['hello-partition: VP 0', 'string-io: VP 0', 'string-io 2: VP 0'],
    );
    const threadId = threads[0]?.id ?? 0;
    const stop = await session.stopOf(() => session.client.continueRequest({ threadId }));
    assert.equal(stop.description, 'hello-partition: Stopped at a breakpoint');
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [] });
    const end = await session.stopOf(() => session.client.continueRequest({ threadId }));
    assert.equal(end.description, 'hello-partition: Halted');
    const said = session.output.get('console') ?? '';
    assert.match(said, /^string-io: The guest ended with exit code 0. The others run on\.$/m);
    assert.match(said, /^string-io 2: The guest ended/m);
    const printed = session.output.get('stdout') ?? '';
    assert.match(printed, /^\[hello-partition\] Hello/m);
    assert.match(printed, /^\[string-io 2\] All six tests passed/m);
  });

  it('ignores breakpoints without debugging', async () => {
    const program = guestImage('string-io');
    await session.client.customRequest('launch', { program, noDebug: true });
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'exit:*' }] });
    const terminated = session.client.waitForEvent('terminated');
    await session.client.configurationDoneRequest();
    await terminated;
  });

  it('runs the program anew on restart, also one that was built meanwhile', async () => {
    const program = join(folder, 'guest.elf');
    writeFileSync(program, readFileSync(guestImage('hello-partition')));
    await session.client.customRequest('launch', { program });
    await session.client.setFunctionBreakpointsRequest({
      breakpoints: [{ name: 'print_string' }, { name: 'exit:CPUID' }],
    });
    await session.stopOf(() => session.client.configurationDoneRequest());
    writeFileSync(program, readFileSync(guestImage('spin')));
    const changes: { verified: boolean; message?: string }[] = [];
    session.client.on('breakpoint', (event) => changes.push(event.body.breakpoint));
    await session.stopOf(() => session.client.customRequest('restart', {}));
    assert.deepEqual(
      changes.map((change) => change.verified),
      [false, true],
    );
    assert.match(changes[0]?.message ?? '', /no symbol "print_string"/);
    writeFileSync(program, '');
    assert.match(await session.refusal('restart', {}), /empty/);
    assert.equal((await session.topFrame()).name, '_start');
  });

  it('takes new launch arguments on restart', async () => {
    await session.client.customRequest('launch', { program: guestImage('string-io') });
    await session.stopOf(() => session.client.configurationDoneRequest());
    const terminated = session.client.waitForEvent('terminated');
    await session.client.customRequest('restart', {
      arguments: { program: guestImage('string-io'), stopOnEntry: false, stopAtEnd: false },
    });
    await terminated;
  });

  it('cannot attach, and says so', async () => {
    assert.match(await session.refusal('attach', {}), /nothing to attach to/);
  });

  it('ends on terminate, and the process ends on disconnect', async () => {
    await session.client.customRequest('launch', { program: guestImage('spin') });
    await session.stopOf(() => session.client.configurationDoneRequest());
    const terminated = session.client.waitForEvent('terminated');
    await session.client.terminateRequest();
    await terminated;
    await session.end();
  });
});
