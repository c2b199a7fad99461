// Breakpoints of every kind: where they end up, what refuses them, what makes them stop.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import { AdapterSession, guestSource } from './adapter-session';

/** Number of the first line that contains `text`. */
function lineOf(guest: string, text: string): number {
  const lines = readFileSync(guestSource(guest), 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
}

describe('breakpoints', () => {
  let session: AdapterSession;
  let threadId: number;

  beforeEach(async () => {
    session = await AdapterSession.launched('hello-partition');
    threadId = await session.threadId();
  });
  afterEach(() => session.end());

  const source = { path: guestSource('hello-partition') };

  async function setLine(line: number, options: object = {}) {
    const body = { source, breakpoints: [{ line, ...options }] };
    return (await session.client.setBreakpointsRequest(body)).body.breakpoints[0];
  }

  async function setNamed(
    ...breakpoints: { name: string; condition?: string; hitCondition?: string }[]
  ) {
    return (await session.client.setFunctionBreakpointsRequest({ breakpoints })).body.breakpoints;
  }

  const goOn = () => session.stopOf(() => session.client.continueRequest({ threadId }));

  it('stop on a source line', async () => {
    const line = lineOf('hello-partition', '        cpuid');
    const set = await setLine(line);
    assert.deepEqual([set?.verified, set?.line], [true, line]);
    const stop = await goOn();
    assert.equal(stop.reason, 'breakpoint');
    assert.deepEqual(stop.hitBreakpointIds, [set?.id]);
    assert.equal((await session.topFrame()).line, line);
  });

  it('move from a comment to the next line with code', async () => {
    assert.equal((await setLine(1))?.line, lineOf('hello-partition', 'xor     ebp, ebp'));
  });

  it('are refused behind the last line', async () => {
    const set = await setLine(100_000);
    assert.equal(set?.verified, false);
    assert.match(set?.message ?? '', /no code at or after line 100000/);
  });

  it('are refused in a file that the program does not come from', async () => {
    const body = { source: { path: '/elsewhere/other.s' }, breakpoints: [{ line: 1 }] };
    const [set] = (await session.client.setBreakpointsRequest(body)).body.breakpoints;
    assert.equal(set?.verified, false);
    assert.match(set?.message ?? '', /sourceMap/);
  });

  it('can be placed on the lines that have code', async () => {
    const { body } = await session.client.customRequest('breakpointLocations', {
      source,
      line: 1,
      endLine: 60,
    });
    const lines = body.breakpoints.map((row: { line: number }) => row.line);
    assert.ok(lines.includes(lineOf('hello-partition', 'xor     ebp, ebp')));
    assert.ok(!lines.includes(1));
  });

  it('stop at an instruction, given as reference and offset', async () => {
    const { instructionPointerReference: reference } = await session.topFrame();
    const [set] = (
      await session.client.customRequest('setInstructionBreakpoints', {
        breakpoints: [{ instructionReference: reference, offset: 2 }],
      })
    ).body.breakpoints;
    assert.equal(set.verified, true);
    assert.equal((await goOn()).reason, 'breakpoint');
    assert.equal(await session.rip(), 0x100002);
  });

  it('stop at a symbol, at a condition and at a hit count', async () => {
    const [set] = await setNamed({ name: 'print_string', hitCondition: '3' });
    assert.equal(set?.verified, true);
    await goOn();
    assert.match(session.output.get('stdout') ?? '', /^Hello from a guest partition\.\n.*/);
    await setNamed({ name: 'print_string', condition: "byte [rsi] == 'v'" });
    await goOn();
    assert.match(await session.evaluate('byte [rsi]'), /'v'/);
  });

  it('write log messages without stopping', async () => {
    const line = lineOf('hello-partition', '        cpuid');
    await setLine(line, { logMessage: 'leaf {eax} of {{CPUID}}' });
    await goOn();
    assert.match(session.output.get('console') ?? '', /^leaf 0x1 of \{CPUID\}$/m);
  });

  it('stop at a hypercall by name, before it is handled', async () => {
    await setNamed({ name: 'hypercall:HvCallNotifyLongSpinWait' });
    const stop = await goOn();
    assert.equal(stop.description, 'Stopped at HvCallNotifyLongSpinWait');
    assert.match(stop.text ?? '', /VMCALL: HvCallNotifyLongSpinWait \(0x8\), fast/);
    const reason = await session.variable('VMCS', 'Exit information', 'VM_EXIT_REASON');
    assert.equal(reason.value, '0x12 VMCALL');
    assert.equal(await session.evaluate('code'), '0x8');
  });

  const events: readonly (readonly [name: string, condition: string | undefined, text: RegExp])[] =
    [
      ['hypercall:0x7777', undefined, /unknown call \(0x7777\)/],
      ['hypercall:*', 'code == 0x7777', /unknown call \(0x7777\)/],
      ['hypercall:NotifyLongSpinWait', undefined, /HvCallNotifyLongSpinWait/],
      ['exit:CPUID', 'leaf == 0x40000001', /CPUID: leaf 0x40000001/],
      ['exit:10', undefined, /CPUID: leaf 0x1/],
      ['exit:*', 'exit == 5', /VM exit 5/],
      ['io:0xe9:w', "value == 'p'", /OUT 0xe9, AL = 0x70 'p'/],
      ['msr:0x40000000:w', undefined, /WRMSR 0x40000000 HV_X64_MSR_GUEST_OS_ID/],
      ['msr:HV_X64_MSR_HYPERCALL', undefined, /HV_X64_MSR_HYPERCALL/],
    ];
  for (const [name, condition, text] of events) {
    it(`stop at ${name}${condition === undefined ? '' : ` if ${condition}`}`, async () => {
      const [set] = await setNamed({ name, ...(condition === undefined ? {} : { condition }) });
      assert.equal(set?.verified, true);
      const stop = await goOn();
      assert.deepEqual(stop.hitBreakpointIds, [set?.id]);
      assert.match(stop.text ?? '', text);
    });
  }

  const refused: readonly (readonly [name: string, options: object, text: RegExp])[] = [
    ['exit:CPUD', {}, /Did you mean "exit:CPUID"/],
    ['exit:999', {}, /No exit reason/],
    ['hypercall:HvCallPostMesage', {}, /Did you mean "hypercall:HvCallPostMessage"/],
    ['hypercal:*', {}, /Did you mean "hypercall:"/],
    ['io:serial', {}, /no port/],
    ['io:0xe9:x', {}, /no port/],
    ['msr:IA32_EFR', {}, /Did you mean "msr:IA32_EFER"/],
    ['print_strng', {}, /Did you mean "print_string"/],
    ['print_string', { condition: 'rax ==' }, /condition is wrong/],
    ['print_string', { hitCondition: 'often' }, /no hit count/],
    ['', {}, /names nothing/],
  ];
  for (const [name, options, text] of refused) {
    it(`refuse "${name}" ${JSON.stringify(options)} with a reason`, async () => {
      const [set] = await setNamed({ name, ...options });
      assert.equal(set?.verified, false);
      assert.match(set?.message ?? '', text);
    });
  }

  it('are checked without being set, with the fields that a condition may name', async () => {
    const rows: readonly (readonly [
      name: string,
      condition: string,
      problem: RegExp,
      field: string,
    ])[] = [
      ['vmbus:OpenChannel', 'ChildRelId == 6', /^$/, 'RingBufferGpadl'],
      ['vmbus:OpenChannel', 'ChildRelIdd == 6', /Did you mean "ChildRelId"/, 'OpenId'],
      ['packet:shutdown', 'ReasonCode == 0', /^$/, 'ReasonCode'],
      ['packet:shutdown', 'LunCount == 0', /no field of this event/, 'bytes'],
      ['io:0xe9:w', 'value ==', /condition is wrong/, 'value'],
    ];
    for (const [name, condition, problem, field] of rows) {
      const args = { name, condition };
      const { body } = await session.client.customRequest(customRequest.checkBreakpoint, args);
      assert.match(body.problem, problem, name);
      assert(body.fields.includes(field), `${name}: ${body.fields.join()}`);
    }
    const args = { name: 'io:0xe9:q' };
    const { body } = await session.client.customRequest(customRequest.checkBreakpoint, args);
    assert.match(body.problem, /is no port/);
  });

  it('stop with a note where the condition cannot be evaluated', async () => {
    await setNamed({ name: 'print_string', condition: 'nonsense == 1' });
    assert.match((await goOn()).text ?? '', /"nonsense" is no register, symbol or field/);
  });

  it('survive a restart, with their hit counts starting again', async () => {
    await setNamed({ name: 'exit:CPUID', hitCondition: '2' });
    await goOn();
    const first = await session.evaluate('leaf');
    await session.stopOf(() => session.client.customRequest('restart', {}));
    assert.equal((await session.topFrame()).name, '_start');
    await goOn();
    assert.equal(await session.evaluate('leaf'), first);
  });
});

describe('exception filters', () => {
  let session: AdapterSession;
  beforeEach(async () => {
    session = await AdapterSession.launched('page-fault-lab');
  });
  afterEach(() => session.end());

  it('stop when the guest takes #PF', async () => {
    const threadId = await session.threadId();
    await session.client.setExceptionBreakpointsRequest({ filters: ['pf'] });
    const stop = await session.stopOf(() => session.client.continueRequest({ threadId }));
    assert.equal(stop.reason, 'exception');
    const { body } = await session.client.customRequest('exceptionInfo', { threadId });
    assert.match(body.exceptionId, /#PF/);
    assert.match(body.description, /vector 0xe/);
    assert.equal(await session.evaluate('cr2'), '0x40000000 = 1073741824');
  });

  it('are refused by name where they are unknown', async () => {
    const { body } = await session.client.setExceptionBreakpointsRequest({ filters: ['bogus'] });
    assert.equal(body?.breakpoints?.[0]?.verified, false);
  });
});
