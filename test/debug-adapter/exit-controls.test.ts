// Editing a control in the Variables view makes the very next instruction exit; clearing it lets the instruction run.
import assert from 'node:assert/strict';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type { VmcsBody } from '../../debug-adapter/protocol/vmcs-requests';
import { AdapterSession } from './adapter-session';

type Edit = readonly [path: readonly string[], value: string];

interface Row {
  readonly instruction: string;
  readonly code: string;
  readonly field: string;
  /** The bit of the field, by its name in the manual; the whole field where it is absent. */
  readonly control?: string;
  /** Values with which the instruction exits, and with which it runs; 1 and 0 where they are absent. */
  readonly exitsWhen?: string;
  readonly runsWhen?: string;
  readonly reason: string;
  /** Qualification, where it is not 0. */
  readonly qualification?: string;
  /** Registers that the instruction needs. */
  readonly registers?: readonly (readonly [name: string, value: string])[];
  /** What else of the VMCS is set before. */
  readonly before?: readonly Edit[];
  /** Bytes that RIP has advanced by at the exit. */
  readonly advances?: number;
  /**
   * The guest has no handler for what the instruction raises: without the exit and behind it, or behind it only, where
   * the hypervisor refuses the instruction or has nothing at the port.
   */
  readonly faults?: 'always' | 'behind';
}

const pin = 'PIN_BASED_VM_EXEC_CONTROL';
const primary = 'CPU_BASED_VM_EXEC_CONTROL';
const secondary = 'SECONDARY_VM_EXEC_CONTROL';

const tables = { field: secondary, control: 'descriptor-table exiting' } as const;
const below = [['rsp', 'rsp - 64']] as const;
const zero = [['rax', '0']] as const;
const lstar = [
  ['rcx', '0xc0000082'],
  ['rax', '0'],
  ['rdx', '0'],
] as const;
const taskSwitched = { field: 'CR0_GUEST_HOST_MASK', exitsWhen: '8', runsWhen: '0' } as const;

function shadow(field: string, value: string): Edit {
  return [[field], value];
}

/** Conditional rows of "which event exits under which control" (SDM vol. 3, 26.1.3, 26.2 and 26.5). */
const rows: readonly Row[] = [
  { instruction: 'HLT', code: 'f4', field: primary, control: 'HLT exiting', reason: '0xc' },
  {
    instruction: 'MWAIT',
    code: '0f 01 c9',
    field: primary,
    control: 'MWAIT exiting',
    reason: '0x24',
    registers: [['rcx', '0']],
    faults: 'behind',
  },
  {
    instruction: 'MONITOR',
    code: '0f 01 c8',
    field: primary,
    control: 'MONITOR exiting',
    reason: '0x27',
    registers: [
      ['rax', 'rsp - 64'],
      ['rcx', '0'],
    ],
    faults: 'behind',
  },
  {
    instruction: 'RDPMC',
    code: '0f 33',
    field: primary,
    control: 'RDPMC exiting',
    reason: '0xf',
    faults: 'always',
  },
  { instruction: 'RDTSC', code: '0f 31', field: primary, control: 'RDTSC exiting', reason: '0x10' },
  {
    instruction: 'RDTSCP',
    code: '0f 01 f9',
    field: primary,
    control: 'RDTSC exiting',
    reason: '0x33',
  },
  {
    instruction: 'INVLPG',
    code: '0f 01 38',
    field: primary,
    control: 'INVLPG exiting',
    reason: '0xe',
    qualification: '0x5000',
    registers: [['rax', '0x5000']],
  },
  {
    instruction: 'INVPCID RAX, [RSP]',
    code: '66 0f 38 82 04 24',
    field: primary,
    control: 'INVLPG exiting',
    reason: '0x3a',
    registers: [
      ['rsp', 'rsp - 64'],
      ['rax', '2'],
    ],
  },
  { instruction: 'PAUSE', code: 'f3 90', field: primary, control: 'PAUSE exiting', reason: '0x28' },
  {
    instruction: 'MOV CR3, RAX',
    code: '0f 22 d8',
    field: primary,
    control: 'CR3-load exiting',
    reason: '0x1c',
    qualification: '0x3',
    registers: [['rax', 'cr3']],
  },
  {
    instruction: 'MOV RAX, CR3',
    code: '0f 20 d8',
    field: primary,
    control: 'CR3-store exiting',
    reason: '0x1c',
    qualification: '0x13',
  },
  {
    instruction: 'MOV CR8, RAX',
    code: '44 0f 22 c0',
    field: primary,
    control: 'CR8-load exiting',
    reason: '0x1c',
    qualification: '0x8',
    registers: zero,
  },
  {
    instruction: 'MOV RAX, CR8',
    code: '44 0f 20 c0',
    field: primary,
    control: 'CR8-store exiting',
    reason: '0x1c',
    qualification: '0x18',
  },
  {
    instruction: 'MOV CR0, RAX',
    code: '0f 22 c0',
    ...taskSwitched,
    before: [shadow('CR0_READ_SHADOW', '0')],
    reason: '0x1c',
    registers: [['rax', 'cr0 | 8']],
  },
  {
    instruction: 'CLTS',
    code: '0f 06',
    ...taskSwitched,
    before: [shadow('CR0_READ_SHADOW', '8')],
    reason: '0x1c',
    qualification: '0x20',
  },
  {
    instruction: 'LMSW AX',
    code: '0f 01 f0',
    ...taskSwitched,
    before: [shadow('CR0_READ_SHADOW', '0')],
    reason: '0x1c',
    qualification: '0x90030',
    registers: [['rax', '9']],
  },
  {
    instruction: 'MOV CR4, RAX',
    code: '0f 22 e0',
    field: 'CR4_GUEST_HOST_MASK',
    exitsWhen: '4',
    runsWhen: '0',
    reason: '0x1c',
    qualification: '0x4',
    registers: [['rax', 'cr4 | 4']],
  },
  {
    instruction: 'MOV RAX, DR0',
    code: '0f 21 c0',
    field: primary,
    control: 'MOV-DR exiting',
    reason: '0x1d',
    qualification: '0x10',
  },
  {
    instruction: 'MOV DR0, RAX',
    code: '0f 23 c0',
    field: primary,
    control: 'MOV-DR exiting',
    reason: '0x1d',
    registers: zero,
  },
  {
    instruction: 'OUT 0x80, AL',
    code: 'e6 80',
    field: primary,
    control: 'unconditional I/O exiting',
    reason: '0x1e',
    qualification: '0x800040',
    faults: 'behind',
  },
  {
    instruction: 'IN AL, 0x80',
    code: 'e4 80',
    field: primary,
    control: 'use I/O bitmaps',
    before: [[[primary, 'unconditional I/O exiting'], '0']],
    reason: '0x1e',
    qualification: '0x800048',
    faults: 'behind',
  },
  {
    instruction: 'RDMSR',
    code: '0f 32',
    field: primary,
    control: 'use MSR bitmaps',
    exitsWhen: '0',
    runsWhen: '1',
    reason: '0x1f',
    registers: lstar,
  },
  {
    instruction: 'WRMSR',
    code: '0f 30',
    field: primary,
    control: 'use MSR bitmaps',
    exitsWhen: '0',
    runsWhen: '1',
    reason: '0x20',
    registers: lstar,
  },
  { instruction: 'SGDT', code: '0f 01 04 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'SIDT', code: '0f 01 0c 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'LGDT', code: '0f 01 14 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'LIDT', code: '0f 01 1c 24', ...tables, reason: '0x2e', registers: below },
  { instruction: 'SLDT', code: '0f 00 c0', ...tables, reason: '0x2f' },
  { instruction: 'STR', code: '0f 00 c8', ...tables, reason: '0x2f' },
  { instruction: 'LLDT', code: '0f 00 d0', ...tables, reason: '0x2f', registers: zero },
  {
    instruction: 'LTR',
    code: '0f 00 d8',
    ...tables,
    reason: '0x2f',
    registers: zero,
    faults: 'always',
  },
  {
    instruction: 'WBINVD',
    code: '0f 09',
    field: secondary,
    control: 'WBINVD exiting',
    reason: '0x36',
  },
  {
    instruction: 'RDRAND',
    code: '0f c7 f0',
    field: secondary,
    control: 'RDRAND exiting',
    reason: '0x39',
  },
  {
    instruction: 'RDSEED',
    code: '0f c7 f8',
    field: secondary,
    control: 'RDSEED exiting',
    reason: '0x3d',
  },
  {
    instruction: 'INT3',
    code: 'cc',
    field: 'EXCEPTION_BITMAP',
    control: '#BP',
    reason: '0x0',
    faults: 'always',
  },
  {
    instruction: 'UD2',
    code: '0f 0b',
    field: 'EXCEPTION_BITMAP',
    control: '#UD',
    reason: '0x0',
    faults: 'always',
  },
  {
    instruction: 'NOP under the monitor trap flag',
    code: '90',
    field: primary,
    control: 'monitor trap flag',
    reason: '0x25',
    advances: 1,
  },
  {
    instruction: 'NOP with the preemption timer at 0',
    code: '90',
    field: pin,
    control: 'activate VMX-preemption timer',
    reason: '0x34',
    faults: 'behind',
  },
  {
    instruction: 'NOP with interrupts enabled',
    code: '90',
    field: primary,
    control: 'interrupt-window exiting',
    registers: [['rflags', 'rflags | 0x200']],
    reason: '0x7',
  },
  {
    instruction: 'NOP while NMIs are not blocked',
    code: '90',
    field: primary,
    control: 'NMI-window exiting',
    reason: '0x8',
  },
];

function base64(code: string): string {
  return Buffer.from(code.split(' ').map((byte) => Number.parseInt(byte, 16))).toString('base64');
}

describe('controls of the VMCS', () => {
  let session: AdapterSession;
  let threadId: number;

  beforeEach(async () => {
    session = await AdapterSession.launched('page-fault-lab');
    threadId = await session.threadId();
    // By then it is in 64-bit mode, between two exits.
    const breakpoints = [{ name: 'exit:*' }];
    await session.client.setFunctionBreakpointsRequest({ breakpoints });
    await session.stopOf(() => session.client.continueRequest({ threadId }));
    await session.client.setFunctionBreakpointsRequest({ breakpoints: [] });
    await session.stopOf(() =>
      session.client.stepInRequest({ threadId, granularity: 'instruction' }),
    );
  });
  afterEach(() => session.end());

  async function inspect(): Promise<VmcsBody> {
    return (await session.client.customRequest(customRequest.vmcs, { threadId })).body;
  }

  async function exits(): Promise<number> {
    const args = { start: 0, count: 0 };
    return (await session.client.customRequest(customRequest.exits, args)).body.recorded;
  }

  /** Puts the instruction at RIP. */
  async function place({ code, registers = [], before = [] }: Row): Promise<number> {
    const { instructionPointerReference: memoryReference = '' } = await session.topFrame();
    await session.client.customRequest('writeMemory', { memoryReference, data: base64(code) });
    for (const [expression, value] of registers) {
      await session.client.customRequest('setExpression', { expression: `$${expression}`, value });
    }
    for (const [path, value] of before) {
      await session.setVariable(['VMCS', 'Controls', ...path], value);
    }
    return session.rip();
  }

  const set = ({ field, control }: Row, value: string) =>
    session.setVariable(
      ['VMCS', 'Controls', field, ...(control === undefined ? [] : [control])],
      value,
    );

  const step = () =>
    session.stopOf(() => session.client.stepInRequest({ threadId, granularity: 'instruction' }));
  const goOn = () => session.stopOf(() => session.client.continueRequest({ threadId }));
  const breakOn = (...names: string[]) =>
    session.client.setFunctionBreakpointsRequest({ breakpoints: names.map((name) => ({ name })) });

  for (const row of rows) {
    const { instruction, field, control = field, exitsWhen = '1', runsWhen = '0', reason } = row;
    it(`${instruction} exits at once when "${control}" is made ${exitsWhen}`, async () => {
      const rip = await place(row);
      await set(row, exitsWhen);
      await breakOn('exit:*');
      await goOn();
      const fields = (await inspect()).groups.flatMap((group) => group.fields);
      const value = (name: string) => fields.find((each) => each.name === name)?.value;
      assert.equal(value('VM_EXIT_REASON'), reason);
      assert.equal(value('EXIT_QUALIFICATION'), row.qualification ?? '0x0');
      const expected = rip + (row.advances ?? 0);
      assert.equal(value('GUEST_RIP'), `0x${expected.toString(16)}`, 'nothing more was done');
      if (row.faults !== undefined || instruction === 'HLT') return;
      // The hypervisor did not ask for the exit: the instruction is done all the same.
      await breakOn();
      await step();
      assert.notEqual(await session.rip(), expected);
    });

    if (row.faults === 'always') continue;
    it(`${instruction} runs when "${control}" is made ${runsWhen}`, async () => {
      const rip = await place(row);
      await set(row, runsWhen);
      const before = await exits();
      await step();
      assert.equal(await exits(), before);
      assert.notEqual(await session.rip(), rip);
    });
  }

  for (const control of ['external-interrupt exiting', 'NMI exiting', 'virtual NMIs']) {
    it(`VM entry fails without "${control}", and says why`, async () => {
      await session.setVariable(['VMCS', 'Controls', pin, control], '0');
      const { text = '', description = '' } = await goOn();
      assert.match(description, /VM entry failed/);
      assert.match(text, /error 7: PIN_BASED_VM_EXEC_CONTROL must have .*SDM vol\. 3, 27\.2\.1\.1/);
      assert(text.includes(`"${control}"`), text);
      await session.setVariable(['VMCS', 'Controls', pin, control], '1');
      await step();
    });
  }

  for (const [instruction, code, reason] of [
    ['CPUID', '0f a2', '0xa'],
    ['INVD', '0f 08', '0xd'],
    ['VMCALL', '0f 01 c1', '0x12'],
  ] as const) {
    it(`${instruction} always exits`, async () => {
      await place({ instruction, code, field: '', reason });
      await breakOn('exit:*');
      await goOn();
      const fields = (await inspect()).groups.flatMap((group) => group.fields);
      assert.equal(fields.find(({ name }) => name === 'VM_EXIT_REASON')?.value, reason);
    });
  }
});
