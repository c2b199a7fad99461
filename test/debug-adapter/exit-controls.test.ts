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

const loadAt = 0x100000;
/** Tables of the kernel: a pseudo-descriptor, seven descriptors, and zeros. */
const tableAt = loadAt + 0x100;
const zerosAt = loadAt + 0x180;
const word = (value: number): string => littleEndian(value, 4);

/** Available tasks: one with its state at address 0, and one with its state in the zeros. */
const otherTask = '67 00 00 00 00 89 00 00';
const currentTask = '67 00 80 01 10 89 00 00';

/** Flat segments of privilege level 3, with selectors 0x2b and 0x33. */
const userCode = 'ff ff 00 00 00 fb cf 00';
const userData = 'ff ff 00 00 00 f3 cf 00';
/** MOV EAX, [loadAt + 1], behind everything else. */
const misalignedRead = `a1 ${word(loadAt + 1)}`;
const userAt = loadAt + 0x1c0;

/** A multiboot kernel, so in 32-bit protected mode (SDM vol. 3, 3.4.5 and 7.2.2). */
function legacyKernel(code: string): Uint8Array {
  const header = [0x1badb002, 0, -0x1badb002].map(word).join(' ');
  const bytes = new Uint8Array(0x200);
  bytes.set(machineCode(`${header} 0f 01 15 ${word(tableAt)} ${code}`));
  bytes.set(machineCode(`37 00 ${word(tableAt + 8)}`), 0x100);
  bytes.set(machineCode(otherTask), 0x108 + 0x18);
  bytes.set(machineCode(currentTask), 0x108 + 0x20);
  bytes.set(machineCode(`${userCode} ${userData}`), 0x108 + 0x28);
  bytes.set(machineCode(misalignedRead), userAt - loadAt);
  return elfImage(32, loadAt + 12, [{ gpa: loadAt, bytes }]);
}

/** Runs `use` with a session on the kernel with that code, which has not begun. */
async function withKernel(
  code: string,
  use: (session: AdapterSession, threadId: number) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hyperscope-kernel-'));
  const program = join(folder, 'kernel.elf');
  writeFileSync(program, legacyKernel(code));
  const session = await AdapterSession.launched('', { program });
  await use(session, await session.threadId());
  await session.end();
  rmSync(folder, { recursive: true });
}

/** The next exit's fields, by name. */
async function nextExit(
  session: AdapterSession,
  threadId: number,
): Promise<(field: string) => string | undefined> {
  const breakpoints = [{ name: 'exit:*' }];
  await session.client.setFunctionBreakpointsRequest({ breakpoints });
  await session.stopOf(() => session.client.continueRequest({ threadId }));
  const exit = await session.variables('VMCS', 'Exit information');
  return (field) => exit.find((row) => row.name === field)?.value.split(' ')[0];
}

describe('task switches', () => {
  const farPointer = '00 00 00 00 18 00';
  // LTR of the current task; its link names the other one, which is made busy; then IRET with NT.
  const nested = [
    `66 b8 20 00 0f 00 d8 66 c7 05 ${word(zerosAt)} 18 00`,
    `80 0d ${word(tableAt + 8 + 0x18 + 5)} 02`,
    `bc ${word(loadAt + 0x800)} 9c 81 0c 24 00 40 00 00 9d cf`,
  ].join(' ');
  for (const [name, code, qualification] of [
    ['JMP', `ea ${farPointer}`, '0x80000018'],
    ['CALL', `9a ${farPointer}`, '0x18'],
    ['IRET', nested, '0x40000018'],
  ] as const) {
    it(`${name} to a task always exits`, async () => {
      await withKernel(code, async (session, threadId) => {
        const value = await nextExit(session, threadId);
        assert.equal(value('VM_EXIT_REASON'), '0x9');
        assert.equal(value('EXIT_QUALIFICATION'), qualification);
      });
    });
  }
});

describe('exceptions that this 64-bit guest cannot raise', () => {
  // CR0.AM, DS, and IRET to privilege level 3 with RFLAGS.AC.
  const toUser = [
    '0f 20 c0 0d 00 00 04 00 0f 22 c0',
    `bc ${word(loadAt + 0x800)} 66 b8 33 00 8e d8`,
    `6a 33 68 ${word(loadAt + 0x800)} 68 ${word(0x40002)} 6a 2b 68 ${word(userAt)} cf`,
  ].join(' ');
  for (const [title, code, control, event] of [
    ['INTO behind an overflow', 'b8 ff ff ff 7f 40 ce', '#OF', '0x80000604'],
    ['a misaligned read of user code', toUser, '#AC', '0x80000b11'],
    ['BOUND of 5 between 0 and 0', `b8 05 00 00 00 62 05 ${word(zerosAt)}`, '#BR', '0x80000305'],
  ] as const) {
    const edit = (session: AdapterSession, value: string): Promise<string> =>
      session.setVariable(['VMCS', 'Controls', 'EXCEPTION_BITMAP', control], value);

    it(`${title} exits at once when "${control}" is made 1`, async () => {
      await withKernel(code, async (session, threadId) => {
        await edit(session, '1');
        const value = await nextExit(session, threadId);
        assert.equal(value('VM_EXIT_REASON'), '0x0');
        assert.equal(value('EXIT_QUALIFICATION'), '0x0');
        assert.equal(value('VM_EXIT_INTR_INFO'), event);
      });
    });

    it(`${title} does not exit when "${control}" is made 0`, async () => {
      await withKernel(code, async (session, threadId) => {
        await edit(session, '1');
        await edit(session, '0');
        const value = await nextExit(session, threadId);
        assert.equal(value('VM_EXIT_REASON'), tripleFault, "the exception is the guest's");
      });
    });
  }
});
