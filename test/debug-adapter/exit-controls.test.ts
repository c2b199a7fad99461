// Editing a control in the Variables view makes the very next instruction exit; clearing it lets the instruction run.
import assert from 'node:assert/strict';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type { VmcsBody } from '../../debug-adapter/protocol/vmcs-requests';
import { AdapterSession } from './adapter-session';

interface Row {
  readonly instruction: string;
  readonly code: string;
  readonly field: 'CPU_BASED_VM_EXEC_CONTROL' | 'SECONDARY_VM_EXEC_CONTROL' | 'EXCEPTION_BITMAP';
  /** The bit of the field, by its name in the manual. */
  readonly control: string;
  /** Value of the bit that makes the instruction exit; clearing "use MSR bitmaps" does. */
  readonly exitsWhen?: '0' | '1';
  readonly reason: string;
  /** Register that the instruction needs. */
  readonly register?: readonly [name: string, value: string];
}

const primary = 'CPU_BASED_VM_EXEC_CONTROL';
const secondary = 'SECONDARY_VM_EXEC_CONTROL';

/**
 * The conditional rows of "instructions that cause VM exits" (SDM vol. 3, 26.1.3), as far as the processor has them and
 * the hypervisor leaves the control to the person: it sets CR8-load, interrupt-window and NMI-window exiting itself.
 */
const rows: readonly Row[] = [
  {
    instruction: 'INVLPG',
    code: '0f 01 38',
    field: primary,
    control: 'INVLPG exiting',
    reason: '0xe',
  },
  { instruction: 'RDTSC', code: '0f 31', field: primary, control: 'RDTSC exiting', reason: '0x10' },
  { instruction: 'PAUSE', code: 'f3 90', field: primary, control: 'PAUSE exiting', reason: '0x28' },
  {
    instruction: 'MOV CR3, RAX',
    code: '0f 22 d8',
    field: primary,
    control: 'CR3-load exiting',
    reason: '0x1c',
    register: ['rax', 'cr3'],
  },
  {
    instruction: 'MOV RAX, CR3',
    code: '0f 20 d8',
    field: primary,
    control: 'CR3-store exiting',
    reason: '0x1c',
  },
  {
    instruction: 'MOV RAX, CR8',
    code: '44 0f 20 c0',
    field: primary,
    control: 'CR8-store exiting',
    reason: '0x1c',
  },
  {
    instruction: 'MOV RAX, DR0',
    code: '0f 21 c0',
    field: primary,
    control: 'MOV-DR exiting',
    reason: '0x1d',
  },
  {
    instruction: 'RDMSR',
    code: '0f 32',
    field: primary,
    control: 'use MSR bitmaps',
    exitsWhen: '0',
    reason: '0x1f',
    register: ['rcx', '0xc0000082'],
  },
  {
    instruction: 'SGDT',
    code: '0f 01 04 24',
    field: secondary,
    control: 'descriptor-table exiting',
    reason: '0x2e',
    register: ['rsp', 'rsp - 64'],
  },
  {
    instruction: 'STR',
    code: '0f 00 c8',
    field: secondary,
    control: 'descriptor-table exiting',
    reason: '0x2f',
  },
  {
    instruction: 'LLDT',
    code: '0f 00 d0',
    field: secondary,
    control: 'descriptor-table exiting',
    reason: '0x2f',
    register: ['rax', '0'],
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
  { instruction: 'INT3', code: 'cc', field: 'EXCEPTION_BITMAP', control: '#BP', reason: '0x0' },
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
  async function place({ code, register }: Row): Promise<number> {
    const { instructionPointerReference: memoryReference = '' } = await session.topFrame();
    await session.client.customRequest('writeMemory', { memoryReference, data: base64(code) });
    if (register !== undefined) {
      const [expression, value] = register;
      await session.client.customRequest('setExpression', { expression: `$${expression}`, value });
    }
    return session.rip();
  }

  const set = ({ field, control }: Row, value: string) =>
    session.setVariable(['VMCS', 'Controls', field, control], value);

  const step = () =>
    session.stopOf(() => session.client.stepInRequest({ threadId, granularity: 'instruction' }));

  for (const row of rows) {
    const { instruction, control, exitsWhen = '1', reason } = row;
    it(`${instruction} exits at once when "${control}" is made ${exitsWhen}`, async () => {
      const rip = await place(row);
      await set(row, exitsWhen);
      await session.client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'exit:*' }] });
      await session.stopOf(() => session.client.continueRequest({ threadId }));
      const fields = (await inspect()).groups.flatMap((group) => group.fields);
      const value = (name: string) => fields.find((field) => field.name === name)?.value;
      assert.equal(value('VM_EXIT_REASON'), reason);
      assert.equal(value('GUEST_RIP'), `0x${rip.toString(16)}`, 'the instruction had no effect');
    });

    // The guest has no handler for a breakpoint.
    if (instruction === 'INT3') continue;
    it(`${instruction} runs when "${control}" is made ${exitsWhen === '1' ? '0' : '1'}`, async () => {
      const rip = await place(row);
      await set(row, exitsWhen === '1' ? '0' : '1');
      const before = await exits();
      await step();
      assert.equal(await exits(), before);
      assert.notEqual(await session.rip(), rip);
    });
  }
});
