// Editing a control in the Variables view makes the very next instruction exit; clearing it lets the instruction run.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  controlWords,
  reasonWithoutControl,
} from '../../debug-adapter/hypervisor/vmx-capabilities';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type { VmcsBody } from '../../debug-adapter/protocol/vmcs-requests';
import { maskOf } from '../../debug-adapter/support/bit-field';
import { elfImage } from '../support/boot-images';
import { littleEndian, machineCode } from '../support/machine-code';
import { AdapterSession } from './adapter-session';
import { exitRows, pin, type ExitRow } from './exit-rows';

const tripleFault = '0x2';

type AlwaysExiting = Pick<ExitRow, 'code' | 'registers' | 'reason' | 'qualification'>;

/** An address that is mapped, behind the end of RAM. */
const outside = [['rbx', '0x3f000000']] as const;

/** Events that no control keeps from exiting (SDM vol. 3, 26.1.2 and 26.2). */
const alwaysExiting: readonly (readonly [string, AlwaysExiting])[] = [
  ['CPUID', { code: '0f a2', reason: '0xa' }],
  ['INVD', { code: '0f 08', reason: '0xd' }],
  ['VMCALL', { code: '0f 01 c1', reason: '0x12' }],
  ['a triple fault', { code: '0f 0b', reason: tripleFault }],
  [
    'RDMSR of an MSR that no bitmap covers',
    { code: '0f 32', registers: [['rcx', '0x40000000']], reason: '0x1f' },
  ],
  [
    'WRMSR of an MSR that no bitmap covers',
    { code: '0f 30', registers: [['rcx', '0x40000000']], reason: '0x20' },
  ],
  [
    'a port access that wraps around',
    { code: 'ed', registers: [['rdx', '0xfffe']], reason: '0x1e', qualification: '0xfffe000b' },
  ],
  [
    'a read of memory that is not there',
    { code: '48 8b 03', registers: outside, reason: '0x30', qualification: '0x181' },
  ],
  [
    'a write to memory that is not there',
    { code: '48 89 03', registers: outside, reason: '0x30', qualification: '0x182' },
  ],
  [
    'the read of a read-modify-write of memory that is not there',
    { code: '48 01 03', registers: outside, reason: '0x30', qualification: '0x181' },
  ],
  [
    'a fetch from memory that is not there',
    { code: 'ff e3', registers: outside, reason: '0x30', qualification: '0x184' },
  ],
  [
    'a walk of paging structures that are not there',
    {
      code: '0f 22 d8',
      registers: [['rax', '0x3f000000']],
      reason: '0x30',
      qualification: '0x81',
    },
  ],
];

/** What no control makes exit (SDM vol. 3, 26.1.3). */
const neverExiting: readonly (readonly [string, string])[] = [
  ['SMSW EAX', '0f 01 e0'],
  ['MOV RAX, CR0', '0f 20 c0'],
  ['MOV RAX, CR2', '0f 20 d0'],
  ['MOV CR2, RAX', '0f 22 d0'],
  ['MOV RAX, CR4', '0f 20 e0'],
  ['SWAPGS', '0f 01 f8'],
  ['CLFLUSH [RSP]', '0f ae 3c 24'],
  ['FXSAVE [RSP]', '0f ae 04 24'],
  ['CLI', 'fa'],
  ['STI', 'fb'],
];
const aligned = [['rsp', '(rsp - 1024) & ~15']] as const;

/** Controls that a person may set, except those by which every boundary, or every window, exits. */
const everyExit: readonly (readonly [field: string, value: string])[] = [
  ['EXCEPTION_BITMAP', '0xffffffff'],
  ['CR0_GUEST_HOST_MASK', '0xffffffff'],
  ['CR4_GUEST_HOST_MASK', '0xffffffff'],
  ...controlWords.flatMap(({ field, bits, mayBeOne }) => {
    if (!field.endsWith('VM_EXEC_CONTROL') || field === pin) return [];
    const others = maskOf(
      bits,
      bits.map(({ name }) => name).filter((name) => /window|trap flag|^use T/.test(name)),
    );
    return [[field, `0x${((mayBeOne & ~others) >>> 0).toString(16)}`] as const];
  }),
];

function base64(code: string): string {
  return Buffer.from(code.split(' ').map((byte) => Number.parseInt(byte, 16))).toString('base64');
}

describe('controls of the VMCS', () => {
  let session: AdapterSession;
  let threadId: number;

  /** Each row begins here, in a future of its own. */
  let origin: number;

  before(async () => {
    session = await AdapterSession.launched('page-fault-lab');
    threadId = await session.threadId();
    // By then it is in 64-bit mode, between two exits.
    await breakOn('exit:*');
    await goOn();
    await breakOn();
    await step();
    origin = (await session.client.customRequest(customRequest.partitions)).body.position;
    await step();
  });
  beforeEach(async () => {
    await breakOn();
    await session.stopOf(() =>
      session.client.customRequest(customRequest.goToPosition, { threadId, position: origin }),
    );
    // An edit in the past leaves behind what came after it before.
    await session.client.customRequest('setExpression', { expression: '$rax', value: 'rax' });
    await step();
  });
  after(() => session.end());

  async function inspect(): Promise<VmcsBody> {
    return (await session.client.customRequest(customRequest.vmcs, { threadId })).body;
  }

  /** Values of the VMCS as the exit has left them, by name. */
  async function exitInformation(): Promise<(name: string) => string | undefined> {
    const fields = (await inspect()).groups.flatMap((group) => group.fields);
    return (name) => fields.find((each) => each.name === name)?.value;
  }

  async function exits(): Promise<number> {
    const args = { start: 0, count: 0 };
    return (await session.client.customRequest(customRequest.exits, args)).body.recorded;
  }

  async function write(code: string): Promise<void> {
    const { instructionPointerReference: memoryReference = '' } = await session.topFrame();
    await session.client.customRequest('writeMemory', { memoryReference, data: base64(code) });
  }

  /** Puts the instruction at RIP. */
  async function place(row: ExitRow): Promise<number> {
    for (const [name, value] of row.registers ?? []) {
      await session.client.customRequest('setExpression', { expression: `$${name}`, value });
    }
    if (row.prologue !== undefined) {
      await write(row.prologue);
      await step();
    }
    await write(row.code);
    for (const [path, value] of row.before ?? []) {
      await session.setVariable(['VMCS', 'Controls', ...path], value);
    }
    return session.rip();
  }

  const set = ({ field, control }: ExitRow, value: string) =>
    session.setVariable(
      ['VMCS', 'Controls', field, ...(control === undefined ? [] : [control])],
      value,
    );

  const step = () =>
    session.stopOf(() => session.client.stepInRequest({ threadId, granularity: 'instruction' }));
  const goOn = () => session.stopOf(() => session.client.continueRequest({ threadId }));
  const breakOn = (...names: string[]) =>
    session.client.setFunctionBreakpointsRequest({ breakpoints: names.map((name) => ({ name })) });

  for (const row of exitRows) {
    const { instruction, field, control = field, exitsWhen = '1', runsWhen = '0', reason } = row;
    it(`${instruction} exits at once when "${control}" is made ${exitsWhen}`, async () => {
      const rip = await place(row);
      await set(row, exitsWhen);
      await breakOn('exit:*');
      await goOn();
      const value = await exitInformation();
      assert.equal(value('VM_EXIT_REASON'), reason);
      assert.equal(value('EXIT_QUALIFICATION'), row.qualification ?? '0x0');
      assert.equal(value('VM_EXIT_INTR_INFO'), row.event ?? '0x0');
      const expected = rip + (row.advances ?? 0);
      assert.equal(value('GUEST_RIP'), `0x${expected.toString(16)}`, 'nothing more was done');
      if (row.faults !== undefined || instruction === 'HLT') return;
      // The hypervisor did not ask for the exit: the instruction is done all the same.
      await breakOn();
      await step();
      assert.notEqual(await session.rip(), expected);
    });

    it(`${instruction} does not exit when "${control}" is made ${runsWhen}`, async () => {
      const rip = await place(row);
      await set(row, runsWhen);
      if (row.faults === 'always') {
        // The exception is the guest's, and it has no handler.
        await breakOn('exit:*');
        await goOn();
        assert.equal((await exitInformation())('VM_EXIT_REASON'), tripleFault);
        return;
      }
      const before = await exits();
      for (let steps = 0; steps < (row.steps ?? 1); steps++) await step();
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

  for (const [title, { code, registers = [], reason, qualification }] of alwaysExiting) {
    it(`${title} always exits`, async () => {
      await place({ instruction: title, code, registers, field: '', reason });
      await breakOn('exit:*');
      await goOn();
      const value = await exitInformation();
      assert.equal(value('VM_EXIT_REASON'), reason);
      assert.equal(value('EXIT_QUALIFICATION'), qualification ?? '0x0');
    });
  }

  for (const [instruction, code] of neverExiting) {
    it(`${instruction} never exits, whatever the controls`, async () => {
      await place({ instruction, code, registers: aligned, field: '', reason: '' });
      for (const [field, value] of everyExit) {
        await session.setVariable(['VMCS', 'Controls', field], value);
      }
      const [before, rip] = [await exits(), await session.rip()];
      const { text } = await step();
      assert.equal(await exits(), before, text);
      assert.equal(await session.rip(), rip + code.split(' ').length);
    });
  }

  it('VM entry fails with each control that is not offered, and says why', async () => {
    for (const word of controlWords) {
      const absent = word.bits.filter(({ low }) => ((word.mayBeOne >>> low) & 1) === 0);
      for (const { name } of absent) {
        const path = ['VMCS', 'Controls', word.field, name];
        await session.setVariable(path, '1');
        const { text = '', description = '' } = await goOn();
        assert.match(description, /VM entry failed/, name);
        assert(text.includes(`"${name}"`) && text.includes(reasonWithoutControl(name)), text);
        await session.setVariable(path, '0');
      }
    }
    await step();
  });
});

/** A multiboot kernel, so in 32-bit protected mode, that transfers control to a task (SDM vol. 3, 7.3). */
function taskSwitchingKernel(opcode: number): Uint8Array {
  const header = [0x1badb002, 0, -0x1badb002].map((word) => littleEndian(word, 4)).join(' ');
  const table = loadAt + 0x100;
  const code = `0f 01 15 ${littleEndian(table, 4)} ${opcode.toString(16)} 00 00 00 00 18 00`;
  const bytes = new Uint8Array(0x200);
  bytes.set(machineCode(`${header} ${code}`));
  bytes.set(machineCode(`1f 00 ${littleEndian(table + 8, 4)}`), 0x100);
  // Its fourth descriptor is an available task state at address 0.
  bytes.set(machineCode('67 00 00 00 00 89 00 00'), 0x108 + 0x18);
  return elfImage(32, loadAt + 12, [{ gpa: loadAt, bytes }]);
}

const loadAt = 0x100000;

describe('task switches', () => {
  for (const [name, opcode, qualification] of [
    ['JMP', 0xea, '0x80000018'],
    ['CALL', 0x9a, '0x18'],
  ] as const) {
    it(`${name} to a task always exits`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'hyperscope-task-'));
      const program = join(folder, 'kernel.elf');
      writeFileSync(program, taskSwitchingKernel(opcode));
      const session = await AdapterSession.launched('', { program });
      const threadId = await session.threadId();
      const breakpoints = [{ name: 'exit:*' }];
      await session.client.setFunctionBreakpointsRequest({ breakpoints });
      await session.stopOf(() => session.client.continueRequest({ threadId }));
      const exit = await session.variables('VMCS', 'Exit information');
      const value = (field: string) => exit.find((row) => row.name === field)?.value.split(' ')[0];
      assert.equal(value('VM_EXIT_REASON'), '0x9');
      assert.equal(value('EXIT_QUALIFICATION'), qualification);
      await session.end();
      rmSync(folder, { recursive: true });
    });
  }
});
