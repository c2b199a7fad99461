// Looking at a stopped guest, and changing it: scopes, variables, memory, disassembly, expressions.
import assert from 'node:assert/strict';
import { AdapterSession, guestSource } from './adapter-session';

describe('inspection', () => {
  let session: AdapterSession;
  let threadId: number;

  before(async () => {
    session = await AdapterSession.launched('hello-partition');
    threadId = await session.threadId();
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'exit:CPUID' }] });
    await session.stopOf(() => session.client.continueRequest({ threadId }));
  });
  after(() => session.end());

  it('names threads by partition and processor, with ids that are a function of both', async () => {
    const { threads } = (await session.client.threadsRequest()).body;
    assert.deepEqual(threads, [{ id: 513, name: 'hello-partition: VP 0' }]);
  });

  it('has the scopes of a processor', async () => {
    const { id } = await session.topFrame();
    const { scopes } = (await session.client.scopesRequest({ frameId: id })).body;
    assert.deepEqual(
      scopes.map((scope) => scope.name),
      [
        'General',
        'Flags',
        'Segment',
        'Control',
        'Debug',
        'MSR',
        'VMCS',
        'Local APIC',
        'SynIC',
        'Page walk',
      ],
    );
  });

  const values: readonly (readonly [path: readonly string[], value: RegExp])[] = [
    [['General', 'RAX'], /^0x1$/],
    [['General', 'RIP'], /^0x1000[0-9a-f]+ <detect\+0x5>$/],
    [['Control', 'CR0'], /^0x80010031 \[PE ET NE WP PG\]$/],
    [['Control', 'CR0', 'PG'], /^0x1$/],
    [['Control', 'IA32_EFER'], /\[LME LMA\]/],
    [['Segment', 'CS', 'access rights', 'L'], /^0x1$/],
    [['MSR', 'HV_X64_MSR_GUEST_OS_ID'], /^0x0$/],
    [['VMCS', 'Exit information'], /CPUID, not handled yet/],
    [['VMCS', 'Exit information', 'VM_EXIT_REASON'], /^0xa CPUID$/],
    [['VMCS', 'Exit information', 'VM_EXIT_INSTRUCTION_LEN'], /^0x2$/],
    [['VMCS', 'Guest state', 'GUEST_RIP'], /<detect\+0x5>/],
    [['VMCS', 'Guest state', 'GUEST_CS_AR_BYTES'], /^0xa09b/],
    [['VMCS', 'Controls', 'CPU_BASED_VM_EXEC_CONTROL', 'HLT exiting'], /^0x1$/],
    [['Local APIC', 'LVT_TIMER'], /^0x10000 vector 0x0, masked$/],
    [['SynIC', 'SINT2'], /^0x10000 vector 0x0, masked$/],
    [['Page walk', 'RIP'], /→ GPA 0x100/],
    [['Page walk', 'RIP', 'PDE'], /\[P R\/W/],
  ];
  for (const [path, value] of values) {
    it(`shows ${path.join(' / ')}`, async () => {
      assert.match((await session.variable(...path)).value, value);
    });
  }

  it('says which variables cannot be set', async () => {
    const reason = await session.variable('VMCS', 'Exit information', 'VM_EXIT_REASON');
    assert.deepEqual(reason.presentationHint, { attributes: ['readOnly'] });
  });

  it('refuses references of variables that are gone', async () => {
    const message = await session.refusal('variables', { variablesReference: 99_999 });
    assert.match(message, /moved on/);
  });

  const expressions: readonly (readonly [text: string, value: RegExp])[] = [
    ['rax', /^0x1$/],
    ['$eax + 1', /^0x2$/],
    ['-1', /^0xffffffffffffffff = 18446744073709551615 = -1$/],
    ['(2 + 3) * 4 == 20 && !(1 > 2)', /^0x1$/],
    ['rflags', /^0x[0-9a-f]+( \[.*\])?$/],
    ['zf', /^0x[01]$/],
    ['_start', /^0x100000 = 1048576 <_start>$/],
    ['&print_string', /<print_string>$/],
    ['byte [_start]', /^0x31 = 49 = '1'$/],
    ['dword ptr [_start]', /^0x/],
    ['GUEST_CR3', /^0x1000 = 4096/],
    ['IA32_EFER', /^0x500/],
    ['leaf', /^0x1$/],
    ["'A' | 0x20", /^0x61/],
    ['0b1010 << 4', /^0xa0/],
  ];
  for (const [text, value] of expressions) {
    it(`evaluates ${text}`, async () => assert.match(await session.evaluate(text), value));
  }

  const nonsense: readonly (readonly [text: string, message: RegExp])[] = [
    ['', /ends too early/],
    ['rax +', /ends too early/],
    ['nosuch', /no register, symbol or field/],
    ['$nosuch', /no register "\$nosuch"/],
    ['[0xdeadbeef00000]', /not mapped/],
    ['1 / 0', /[Dd]ivision by zero/],
    ['((((', /ends too early/],
    ['\u0000', /[Uu]nexpected/],
    ['('.repeat(5000), /longer than/],
    ['('.repeat(3000), /nested too deeply/],
  ];
  for (const [text, message] of nonsense) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, async () => {
      const args = { expression: text, context: 'watch' };
      assert.match(await session.refusal('evaluate', args), message);
    });
  }

  it('completes registers, symbols and fields of the exit', async () => {
    const complete = async (text: string) => {
      const body = { text, column: text.length + 1 };
      return (await session.client.customRequest('completions', body)).body.targets;
    };
    const labels = (targets: { label: string }[]) => targets.map((target) => target.label);
    assert.deepEqual(labels(await complete('1 + lea')), ['leaf']);
    assert.ok(labels(await complete('$ra')).includes('$rax'));
    assert.ok(labels(await complete('[print_s')).includes('print_string'));
    assert.deepEqual((await complete('x + print_s'))[0], {
      label: 'print_string',
      detail: 'symbol of the program',
      type: 'function',
      start: 5,
      length: 7,
    });
  });

  it('disassembles exactly the asked rows with the target in its place', async () => {
    const { instructionPointerReference: memoryReference } = await session.topFrame();
    for (const [offset, count] of [
      [-200, 400],
      [-3, 7],
      [0, 1],
      [5, 50],
      [-50, 10],
      [0, 0],
    ] as const) {
      const { instructions } = (
        await session.client.customRequest('disassemble', {
          memoryReference,
          instructionOffset: offset,
          instructionCount: count,
        })
      ).body;
      assert.equal(instructions.length, count);
      if (offset > 0 || -offset >= count) continue;
      assert.equal(Number(instructions[-offset].address), await session.rip());
      assert.match(instructions[-offset].instruction, /^cpuid/);
    }
  });

  it('disassembles backwards over instruction boundaries that it knows', async () => {
    const rows = (
      await session.client.customRequest('disassemble', {
        memoryReference: '0x100010',
        instructionOffset: -5,
        instructionCount: 6,
      })
    ).body.instructions;
    assert.deepEqual(
      rows.map((row: { address: string }) => row.address),
      ['0x100000', '0x100002', '0x100003', '0x10000a', '0x10000f', '0x100010'],
    );
    assert.equal(rows[0].symbol, '_start');
    assert.equal(rows[0].location.path, guestSource('hello-partition'));
    assert.equal(rows[0].instructionBytes, '31 ed');
    assert.match(rows[3].instruction, /call 0x.* <print_string>/);
  });

  for (const memoryReference of ['0x0', '0xfffffffffffffff8', '0x40000000', '0x3ffffffc']) {
    it(`pads the disassembly around ${memoryReference}`, async () => {
      const { instructions } = (
        await session.client.customRequest('disassemble', {
          memoryReference,
          instructionOffset: -20,
          instructionCount: 60,
        })
      ).body;
      assert.equal(instructions.length, 60);
      assert.equal(BigInt(instructions[20].address), BigInt(memoryReference));
      for (const row of instructions) assert.doesNotThrow(() => BigInt(row.address));
    });
  }

  it('reads memory, and says what it could not read', async () => {
    const read = async (memoryReference: string, offset: number, count: number) =>
      (await session.client.customRequest('readMemory', { memoryReference, offset, count })).body;
    const start = await read('0x100000', 0, 4);
    assert.equal(start?.address, '0x100000');
    assert.equal(
      Buffer.from(start?.data ?? '', 'base64')
        .toString('hex')
        .slice(0, 4),
      '31ed',
    );
    const edge = await read('0x3fffffc', 0, 16);
    assert.deepEqual([edge?.unreadableBytes, edge?.data?.length], [12, 8]);
    const hole = await read('0xffff800000000000', 0, 16);
    assert.equal(hole?.unreadableBytes, 16);
    assert.equal((await read('0x100010', -16, 2))?.address, '0x100000');
  });

  const badMemory: readonly (readonly [command: string, args: object, message: RegExp])[] = [
    ['readMemory', { memoryReference: 'bogus', count: 1 }, /no address of the guest/],
    ['readMemory', { memoryReference: '0x0', offset: -1, count: 1 }, /no address of the guest/],
    ['readMemory', { memoryReference: '0x0', count: 1e12 }, /must lie between/],
    ['readMemory', { memoryReference: '0x0', count: -1 }, /must lie between/],
    ['readMemory', { memoryReference: '0x0' }, /needs a whole number as "count"/],
    ['readMemory', { memoryReference: 7, count: 1 }, /needs a text as "memoryReference"/],
    ['writeMemory', { memoryReference: '0x100000', data: '!!' }, /no base64/],
    ['writeMemory', { memoryReference: '0x4000000', data: 'AAAA' }, /Only 0 of 3 bytes/],
    ['disassemble', { memoryReference: '0x0', instructionCount: 1e9 }, /must lie between/],
    ['disassemble', { memoryReference: 'v9:1:0x0', instructionCount: 1 }, /no thread 9/],
  ];
  for (const [command, args, message] of badMemory) {
    it(`refuses ${command} ${JSON.stringify(args)}`, async () => {
      assert.match(await session.refusal(command, args), message);
    });
  }

  it('lists the sources of the program', async () => {
    const { sources } = (await session.client.customRequest('loadedSources', {})).body;
    assert.ok(sources.some((row: { path: string }) => row.path === guestSource('hello-partition')));
  });

  it('says that nothing exceptional happened where nothing did', async () => {
    const { body } = await session.client.customRequest('exceptionInfo', { threadId });
    assert.match(body.exceptionId, /Stopped at VM exit CPUID/);
  });
});

describe('edits', () => {
  let session: AdapterSession;
  let threadId: number;
  beforeEach(async () => {
    session = await AdapterSession.launched('hello-partition');
    threadId = await session.threadId();
  });
  afterEach(() => session.end());

  const edits: readonly (readonly [path: readonly string[], value: string, after: RegExp])[] = [
    [['General', 'RBX'], '0x1234', /^0x1234$/],
    [['General', 'RBX'], 'rsp + 8', /^0x80008$/],
    [['General', 'RIP'], 'print_string', /<print_string>$/],
    [['Flags', 'ZF'], '1', /^0x1$/],
    [['General', 'RFLAGS'], '0x246', /PF ZF IF/],
    [['Control', 'CR4', 'PGE'], '1', /^0x1$/],
    [['MSR', 'IA32_LSTAR'], '0x100000', /<_start>$/],
    [['VMCS', 'Controls', 'EXCEPTION_BITMAP'], '1 << 14', /^0x4000 \[#PF\]$/],
    [['VMCS', 'Guest state', 'GUEST_RIP'], '_start + 2', /<_start\+0x2>$/],
    [['Segment', 'FS', 'base'], '0x5000', /^0x5000/],
  ];
  for (const [path, value, after] of edits) {
    it(`set ${path.join(' / ')} to ${value}`, async () => {
      const invalidated = session.client.waitForEvent('invalidated');
      assert.match(await session.setVariable(path, value), after);
      await invalidated;
      assert.match((await session.variable(...path)).value, after);
    });
  }

  const refused: readonly (readonly [path: readonly string[], value: string, message: RegExp])[] = [
    [['General', 'RAX'], 'nonsense', /no register, symbol or field/],
    [['General', 'RIP'], '0x8000000000000000', /not a canonical/],
    [['General', 'NOSUCH'], '1', /no variable "NOSUCH"/],
    [['VMCS', 'Exit information', 'VM_EXIT_REASON'], '1', /cannot be set/],
    [['VMCS', 'Guest state', 'GUEST_CS_SELECTOR'], '0x12345', /16 bits/],
    [['MSR', 'IA32_EFER'], '0xffffffffffffffff', /#GP/],
  ];
  for (const [path, value, message] of refused) {
    it(`refuse to set ${path.join(' / ')} to ${value}`, async () => {
      await assert.rejects(session.setVariable(path, value), (error: Error) =>
        message.test(error.message),
      );
    });
  }

  it('assign in the console and by setExpression', async () => {
    assert.equal(await session.evaluate('rbx = 0x42', 'repl'), '0x42 = 66');
    assert.equal(await session.evaluate('bh = 1', 'repl'), '0x1');
    assert.equal(await session.evaluate('rbx'), '0x142 = 322');
    assert.equal(
      await session.evaluate('dword [text_buffer] = 0x41424344', 'repl'),
      '0x41424344 = 1094861636',
    );
    assert.match(await session.evaluate('byte [text_buffer + 3]'), /'A'/);
    const { body } = await session.client.customRequest('setExpression', {
      expression: '$rcx',
      value: '7',
    });
    assert.equal(body.value, '0x7');
    assert.equal(await session.evaluate('rbx == 0x142', 'repl'), '0x1');
    assert.match(
      await session.refusal('setExpression', { expression: '1 + 1', value: '2' }),
      /cannot be set/,
    );
  });

  it('write memory that the guest then executes', async () => {
    // Two no-operations over the first instruction.
    const data = Buffer.from([0x90, 0x90]).toString('base64');
    await session.client.customRequest('writeMemory', { memoryReference: '0x100000', data });
    await session.stopOf(() =>
      session.client.customRequest('stepIn', { threadId, granularity: 'instruction' }),
    );
    assert.equal(await session.rip(), 0x100001);
  });

  it('change the references of disassembly, whose text may be stale', async () => {
    const before = (await session.topFrame()).instructionPointerReference;
    const data = Buffer.from([0x90]).toString('base64');
    await session.client.customRequest('writeMemory', { memoryReference: '0x100000', data });
    assert.notEqual((await session.topFrame()).instructionPointerReference, before);
  });

  it('are recorded as inputs', async () => {
    await session.setVariable(['General', 'RBX'], '5');
    const { body } = await session.client.customRequest('hyperscope/events', {
      start: 0,
      count: 10,
      filter: { kinds: ['inputs'] },
    });
    assert.equal(body.recorded, 1);
    assert.equal(body.rows[0].text, 'general register 3 = 0x5');
  });
});
