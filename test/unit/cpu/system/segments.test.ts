// Descriptor tables, segment registers, the task register, and the fast system-call pair.
import assert from 'node:assert/strict';
import { GuestKernel, layout, selector } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const gp = 'vector 13 (0x0)';

function prepare(code: string, rax = 0n, level: 0 | 3 = 0): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(level, machineCode(code));
  kernel.state.setGpr(0, rax);
  kernel.state.setGpr(3, BigInt(level === 0 ? layout.kernelData : layout.userData));
  return kernel;
}

describe('LGDT, LIDT, SGDT and SIDT (SDM vol. 2)', () => {
  for (const [load, store, register] of [
    ['0f 01 13', '0f 01 03', 'GDTR'],
    ['0f 01 1b', '0f 01 0b', 'IDTR'],
  ] as const) {
    it(`${register}: loads ten bytes and stores them again`, () => {
      const kernel = prepare(`${load} 48 83 c3 20 ${store}`);
      kernel.memory.write(layout.kernelData, machineCode('34 12 f0 de bc 9a 78 56 00 00'));
      assert.deepEqual(
        [kernel.outcome(), kernel.outcome(), kernel.outcome()],
        Array(3).fill('budget'),
      );
      assert.equal(kernel.field(`GUEST_${register}_LIMIT`), 0x1234n);
      assert.equal(kernel.field(`GUEST_${register}_BASE`), 0x5678_9abc_def0n);
      assert.deepEqual(
        kernel.memory.read(layout.kernelData + 0x20, 10),
        kernel.memory.read(layout.kernelData, 10),
      );
    });

    it(`${register}: a base that is not canonical: ${gp}`, () => {
      const kernel = prepare(load);
      kernel.memory.write(layout.kernelData, machineCode('ff 0f 00 00 00 00 00 80 00 00'));
      assert.equal(kernel.outcome(), gp);
    });

    it(`${register}: a page fault on the second half changes nothing`, () => {
      const kernel = prepare(load);
      kernel.map(0x5000_0000n, layout.kernelData);
      kernel.state.setGpr(3, 0x5000_0ffcn);
      const before = kernel.field(`GUEST_${register}_LIMIT`);
      assert.equal(kernel.outcome(), 'vector 14 (0x0)');
      assert.equal(kernel.field(`GUEST_${register}_LIMIT`), before);
    });

    it(`${register}: loading is privileged, storing is not`, () => {
      assert.equal(prepare(load, 0n, 3).outcome(), gp);
      assert.equal(prepare(store, 0n, 3).outcome(), 'budget');
    });
  }
});

interface Load {
  readonly title: string;
  readonly code: string;
  readonly selector: number;
  readonly level?: 0 | 3;
  readonly outcome: string;
}

const toDs = '8e d8';
const toSs = '8e d0';
const toFs = '8e e0';

const loads: readonly Load[] = [
  { title: 'DS, kernel data', code: toDs, selector: selector.kernelData, outcome: 'budget' },
  { title: 'DS, null', code: toDs, selector: 0, outcome: 'budget' },
  { title: 'DS, null with RPL', code: toDs, selector: 3, outcome: 'budget' },
  { title: 'DS, user data', code: toDs, selector: selector.userData, outcome: 'budget' },
  { title: 'DS, readable code', code: toDs, selector: selector.kernelCode, outcome: 'budget' },
  {
    title: 'DS, code that cannot be read',
    code: toDs,
    selector: selector.executeOnlyCode,
    outcome: 'vector 13 (0x60)',
  },
  {
    title: 'DS, a system segment',
    code: toDs,
    selector: selector.taskState,
    outcome: 'vector 13 (0x28)',
  },
  {
    title: 'DS, beyond the table',
    code: toDs,
    selector: selector.beyond,
    outcome: 'vector 13 (0x1000)',
  },
  {
    title: 'DS, of a local table that is not there',
    code: toDs,
    selector: 0xc,
    outcome: 'vector 13 (0xc)',
  },
  { title: 'DS, absent', code: toDs, selector: selector.absentData, outcome: 'vector 11 (0x58)' },
  {
    title: 'DS, RPL above DPL',
    code: toDs,
    selector: selector.kernelData | 3,
    outcome: 'vector 13 (0x10)',
  },
  {
    title: 'DS, kernel data for user code',
    code: toDs,
    selector: selector.kernelData,
    level: 3,
    outcome: 'vector 13 (0x10)',
  },
  {
    title: 'DS, conforming code for user code',
    code: toDs,
    selector: selector.conformingCode | 3,
    level: 3,
    outcome: 'budget',
  },
  { title: 'FS, user data', code: toFs, selector: selector.userData, level: 3, outcome: 'budget' },
  { title: 'SS, kernel data', code: toSs, selector: selector.kernelData, outcome: 'budget' },
  { title: 'SS, null at CPL 0', code: toSs, selector: 0, outcome: 'budget' },
  { title: 'SS, null at CPL 3', code: toSs, selector: 3, level: 3, outcome: gp },
  { title: 'SS, null with another RPL', code: toSs, selector: 1, outcome: gp },
  {
    title: 'SS, read-only',
    code: toSs,
    selector: selector.readOnlyData,
    outcome: 'vector 13 (0x50)',
  },
  {
    title: 'SS, of another privilege',
    code: toSs,
    selector: selector.userData,
    outcome: 'vector 13 (0x18)',
  },
  { title: 'SS, absent', code: toSs, selector: selector.absentData, outcome: 'vector 12 (0x58)' },
  {
    title: 'CS cannot be loaded',
    code: '8e c8',
    selector: selector.kernelCode,
    outcome: 'vector 6',
  },
  { title: 'segment 6 does not exist', code: '8e f0', selector: 0, outcome: 'vector 6' },
  { title: 'segment 7 cannot be stored', code: '8c f8', selector: 0, outcome: 'vector 6' },
];

describe('loading segment registers (SDM vol. 2, MOV)', () => {
  for (const { title, code, selector: value, level = 0, outcome } of loads) {
    it(`${title}: ${outcome}`, () => {
      const kernel = prepare(code, BigInt(value), level);
      assert.equal(kernel.outcome(), outcome);
    });
  }

  it('an undefined segment comes before a fault of its operand', () => {
    const kernel = prepare('8e 4b 00');
    kernel.state.setGpr(3, 0x5000_0000n);
    assert.equal(kernel.outcome(), 'vector 6');
  });

  it('reads base, limit and rights, and marks the descriptor as accessed', () => {
    const kernel = prepare(toFs, 0x90n);
    kernel.writeU64(layout.globalTable + 0x90, 0x12c0_9234_5678_9abcn);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.field('GUEST_FS_BASE'), 0x1234_5678n);
    assert.equal(kernel.field('GUEST_FS_LIMIT'), 0x9abc_fffn & 0xffff_ffffn);
    assert.equal(kernel.field('GUEST_FS_AR_BYTES'), 0xc093n);
    assert.equal(kernel.readU64(layout.globalTable + 0x90) >> 40n, 0x12c093n);
  });

  it('a table in the page that is executed may change the next instruction', () => {
    const kernel = prepare('8e e0 90');
    kernel.setField('GUEST_GDTR_BASE', BigInt(layout.kernelCode));
    kernel.writeU64(layout.kernelCode + 0x10, 0x00cf_9200_0000_ffffn);
    kernel.state.setGpr(0, 0x10n);
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
    assert.equal(kernel.state.rip, BigInt(layout.kernelCode + 3));
  });

  it('POP FS takes eight bytes', () => {
    const kernel = prepare('0f a1');
    const top = kernel.state.gpr(4);
    kernel.writeU64(Number(top), BigInt(selector.userData));
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.gpr(4), top + 8n);
    assert.equal(kernel.field('GUEST_FS_SELECTOR'), BigInt(selector.userData));
  });

  it('POP FS of a bad selector keeps RSP', () => {
    const kernel = prepare('0f a1');
    const top = kernel.state.gpr(4);
    kernel.writeU64(Number(top), BigInt(selector.absentData));
    assert.equal(kernel.outcome(), 'vector 11 (0x58)');
    assert.equal(kernel.stack(5)[4], top);
  });
});

describe('LTR and LLDT (SDM vol. 2)', () => {
  const ltr = '0f 00 d8';
  const lldt = '0f 00 d0';

  it('LTR loads a 16-byte descriptor and marks it busy', () => {
    const kernel = prepare(ltr, 0x90n);
    kernel.writeSystemDescriptor(0x90, 0x45_6000, 0x123, 0x89);
    kernel.writeU64(layout.globalTable + 0x98, 0xffff_8000n);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.field('GUEST_TR_SELECTOR'), 0x90n);
    assert.equal(kernel.field('GUEST_TR_BASE'), 0xffff_8000_0045_6000n);
    assert.equal(kernel.field('GUEST_TR_LIMIT'), 0x123n);
    assert.equal(kernel.field('GUEST_TR_AR_BYTES'), 0x8bn);
    assert.equal((kernel.readU64(layout.globalTable + 0x90) >> 40n) & 0xffn, 0x8bn);
  });

  it('LLDT loads a table that selectors with TI then use', () => {
    const kernel = prepare(`${lldt} 8e d9`, BigInt(selector.localTable));
    kernel.writeU64(layout.localTable + 8, 0x00cf_9300_0000_ffffn);
    kernel.state.setGpr(1, 0xcn);
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
    assert.equal(kernel.field('GUEST_DS_SELECTOR'), 0xcn);
  });

  for (const [title, code, value, outcome] of [
    ['LTR null', ltr, 0, gp],
    ['LTR busy', ltr, selector.taskState, 'vector 13 (0x28)'],
    ['LTR of a local table', ltr, selector.taskState | 4, 'vector 13 (0x2c)'],
    ['LTR of another type', ltr, selector.localTable, 'vector 13 (0x68)'],
    ['LTR absent', ltr, selector.absentTaskState, 'vector 11 (0x78)'],
    ['LTR beyond the table', ltr, 0xf8, 'vector 13 (0xf8)'],
    ['LLDT of another type', lldt, selector.kernelData, 'vector 13 (0x10)'],
    ['LLDT null', lldt, 0, 'budget'],
  ] as const) {
    it(`${title}: ${outcome}`, () => {
      assert.equal(prepare(code, BigInt(value)).outcome(), outcome);
    });
  }

  it('STR and SLDT store selectors', () => {
    const kernel = prepare('0f 00 c8 0f 00 c1');
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
    assert.equal(kernel.state.gpr(0), BigInt(selector.taskState));
  });
});

describe('SYSCALL, SYSRET and SWAPGS (SDM vol. 2)', () => {
  function withCalls(level: 0 | 3, code: string): GuestKernel {
    const kernel = prepare(code, 0n, level);
    kernel.setField('GUEST_IA32_EFER', 0xd01n);
    kernel.state.setMsr('IA32_STAR', (0x10n << 48n) | (8n << 32n));
    kernel.state.setMsr('IA32_LSTAR', 0x30_800n);
    kernel.state.setMsr('IA32_FMASK', 0x4_0700n);
    return kernel;
  }

  it('SYSCALL saves RIP and RFLAGS, masks, and enters CPL 0 without a stack', () => {
    const kernel = withCalls(3, '0f 05');
    kernel.state.rflags = 0x40ad7;
    const pointer = kernel.state.gpr(4);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.rip, 0x30_800n);
    assert.equal(kernel.state.gpr(1), BigInt(layout.userCode + 2));
    assert.equal(kernel.state.gpr(11), 0x40ad7n);
    assert.equal(kernel.state.rflags, 0x8d7);
    assert.equal(kernel.state.gpr(4), pointer);
    assert.equal(kernel.field('GUEST_CS_SELECTOR'), 8n);
    assert.equal(kernel.field('GUEST_CS_AR_BYTES'), 0xa09bn);
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), 0x10n);
    assert.equal(kernel.field('GUEST_SS_AR_BYTES'), 0xc093n);
  });

  it('SYSRET goes back', () => {
    const kernel = withCalls(0, '48 0f 07');
    kernel.state.setGpr(1, BigInt(layout.userCode));
    kernel.state.setGpr(11, 0xffff_ffffn);
    kernel.memory.write(layout.userCode, machineCode('f4'));
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.rip, BigInt(layout.userCode));
    assert.equal(kernel.state.rflags, 0x3c7fd7);
    assert.equal(kernel.field('GUEST_CS_SELECTOR'), BigInt(selector.userCode));
    assert.equal(kernel.field('GUEST_CS_AR_BYTES'), 0xa0fbn);
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), BigInt(selector.userData));
    assert.equal(kernel.field('GUEST_SS_AR_BYTES'), 0xc0f3n);
  });

  for (const [title, level, code, change, outcome] of [
    ['SYSRET at CPL 3', 3, '48 0f 07', undefined, gp],
    ['SYSRET to an address that is not canonical', 0, '48 0f 07', 1n << 47n, gp],
    ['SWAPGS at CPL 3', 3, '0f 01 f8', undefined, gp],
  ] as const) {
    it(`${title}: ${outcome}`, () => {
      const kernel = withCalls(level, code);
      if (change !== undefined) kernel.state.setGpr(1, change);
      assert.equal(kernel.outcome(), outcome);
    });
  }

  for (const code of ['0f 05', '48 0f 07']) {
    it(`${code === '0f 05' ? 'SYSCALL' : 'SYSRET'} without EFER.SCE is undefined`, () => {
      assert.equal(prepare(code).outcome(), 'vector 6');
    });
  }

  it('SWAPGS exchanges the base of GS with its MSR', () => {
    const kernel = prepare('0f 01 f8');
    kernel.setField('GUEST_GS_BASE', 0x1111n);
    kernel.state.setMsr('IA32_KERNEL_GS_BASE', 0x2222n);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.field('GUEST_GS_BASE'), 0x2222n);
    assert.equal(kernel.state.msr('IA32_KERNEL_GS_BASE'), 0x1111n);
  });
});
