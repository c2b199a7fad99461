// Instructions that exit: reason, qualification, length, privilege before interception, and what they do otherwise.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const primary = {
  tscOffsetting: 1 << 3,
  hlt: 1 << 7,
  invlpg: 1 << 9,
  mwait: 1 << 10,
  rdpmc: 1 << 11,
  rdtsc: 1 << 12,
  cr3Load: 1 << 15,
  cr3Store: 1 << 16,
  cr8Load: 1 << 19,
  cr8Store: 1 << 20,
  movDr: 1 << 23,
  io: 1 << 24,
  monitor: 1 << 29,
  pause: 1 << 30,
} as const;
const secondary = {
  tables: 1 << 2,
  rdtscp: 1 << 3,
  wbinvd: 1 << 6,
  rdrand: 1 << 11,
  invpcid: 1 << 12,
  rdseed: 1 << 16,
} as const;
const secondaryActive = 0x80000000;

interface Row {
  readonly name: string;
  readonly code: string;
  readonly primary?: number;
  readonly secondary?: number;
  readonly registers?: Readonly<Record<number, bigint>>;
  /** Without the control: what happens. */
  readonly otherwise?: string;
  /** What CPL 3 gets with the control set. */
  readonly user: string;
  readonly exit: number;
  readonly qualification?: bigint;
  readonly information?: bigint;
}

const gp = 'vector 13 (0x0)';
const ud = 'vector 6';

const rows: readonly Row[] = [
  { name: 'CPUID', code: '0f a2', user: 'exit 10', exit: 10 },
  { name: 'HLT', code: 'f4', primary: primary.hlt, otherwise: 'inactive', user: gp, exit: 12 },
  { name: 'INVD', code: '0f 08', user: gp, exit: 13 },
  {
    name: 'INVLPG',
    code: '0f 01 7b 10',
    primary: primary.invlpg,
    registers: { 3: 0x1234_5000n },
    otherwise: 'budget',
    user: gp,
    exit: 14,
    qualification: 0x1234_5010n,
  },
  {
    name: 'RDTSC',
    code: '0f 31',
    primary: primary.rdtsc,
    otherwise: 'budget',
    user: 'exit 16',
    exit: 16,
  },
  { name: 'VMCALL', code: '0f 01 c1', user: 'exit 18', exit: 18 },
  { name: 'RDMSR', code: '0f 32', user: gp, exit: 31 },
  { name: 'WRMSR', code: '0f 30', user: gp, exit: 32 },
  {
    name: 'PAUSE',
    code: 'f3 90',
    primary: primary.pause,
    otherwise: 'budget',
    user: 'exit 40',
    exit: 40,
  },
  {
    name: 'RDPMC',
    code: '0f 33',
    primary: primary.rdpmc,
    otherwise: gp,
    user: gp,
    exit: 15,
  },
  {
    name: 'MWAIT',
    code: '0f 01 c9',
    primary: primary.mwait,
    registers: { 1: 0n },
    otherwise: 'budget',
    user: ud,
    exit: 36,
  },
  {
    name: 'MONITOR',
    code: '0f 01 c8',
    primary: primary.monitor,
    registers: { 0: BigInt(layout.kernelData), 1: 0n },
    otherwise: 'budget',
    user: ud,
    exit: 39,
  },
  {
    name: 'RDRAND R9D',
    code: '41 0f c7 f1',
    secondary: secondary.rdrand,
    otherwise: 'budget',
    user: 'exit 57',
    exit: 57,
    information: 0x848n,
  },
  {
    name: 'RDSEED RDX',
    code: '48 0f c7 fa',
    secondary: secondary.rdseed,
    otherwise: 'budget',
    user: 'exit 61',
    exit: 61,
    information: 0x1010n,
  },
  {
    name: 'RDTSCP',
    code: '0f 01 f9',
    primary: primary.rdtsc,
    secondary: secondary.rdtscp,
    user: 'exit 51',
    exit: 51,
  },
  {
    name: 'WBINVD',
    code: '0f 09',
    secondary: secondary.wbinvd,
    otherwise: 'budget',
    user: gp,
    exit: 54,
  },
  {
    name: 'MOV from CR3',
    code: '41 0f 20 d9',
    primary: primary.cr3Store,
    otherwise: 'budget',
    user: gp,
    exit: 28,
    qualification: 0x913n,
  },
  {
    name: 'MOV to CR3',
    code: '41 0f 22 da',
    primary: primary.cr3Load,
    registers: { 10: 0x1000n },
    otherwise: 'budget',
    user: gp,
    exit: 28,
    qualification: 0xa03n,
  },
  {
    name: 'MOV from CR8',
    code: '44 0f 20 c0',
    primary: primary.cr8Store,
    otherwise: 'budget',
    user: gp,
    exit: 28,
    qualification: 0x018n,
  },
  {
    name: 'MOV to CR8',
    code: '44 0f 22 c2',
    primary: primary.cr8Load,
    otherwise: 'budget',
    user: gp,
    exit: 28,
    qualification: 0x208n,
  },
  {
    name: 'MOV from DR6',
    code: '0f 21 f3',
    primary: primary.movDr,
    otherwise: 'budget',
    user: 'exit 29',
    exit: 29,
    qualification: 0x316n,
  },
  {
    name: 'MOV to DR0',
    code: '0f 23 c1',
    primary: primary.movDr,
    otherwise: 'budget',
    user: 'exit 29',
    exit: 29,
    qualification: 0x100n,
  },
  {
    name: 'LGDT',
    code: '0f 01 13',
    secondary: secondary.tables,
    registers: { 3: BigInt(layout.kernelData) },
    otherwise: 'budget',
    user: gp,
    exit: 46,
    information: 0x21c18900n,
  },
  {
    name: 'SIDT',
    code: '0f 01 0b',
    secondary: secondary.tables,
    registers: { 3: BigInt(layout.userData) },
    otherwise: 'budget',
    user: 'exit 46',
    exit: 46,
    information: 0x11c18900n,
  },
  {
    name: 'LTR',
    code: '0f 00 d8',
    secondary: secondary.tables,
    registers: { 0: 0x28n },
    otherwise: 'vector 13 (0x28)',
    user: gp,
    exit: 47,
    information: 0x30000400n,
  },
  {
    name: 'LLDT',
    code: '0f 00 d0',
    secondary: secondary.tables,
    registers: { 0: 0n },
    otherwise: 'budget',
    user: gp,
    exit: 47,
    information: 0x20000400n,
  },
  {
    name: 'LIDT',
    code: '0f 01 1b',
    secondary: secondary.tables,
    registers: { 3: BigInt(layout.kernelData) },
    otherwise: 'budget',
    user: gp,
    exit: 46,
    information: 0x31c18900n,
  },
  {
    name: 'SGDT',
    code: '0f 01 03',
    secondary: secondary.tables,
    registers: { 3: BigInt(layout.userData) },
    otherwise: 'budget',
    user: 'exit 46',
    exit: 46,
    information: 0x1c18900n,
  },
  {
    name: 'SLDT',
    code: '0f 00 c0',
    secondary: secondary.tables,
    otherwise: 'budget',
    user: 'exit 47',
    exit: 47,
    information: 0x400n,
  },
  {
    name: 'STR',
    code: '0f 00 c8',
    secondary: secondary.tables,
    otherwise: 'budget',
    user: 'exit 47',
    exit: 47,
    information: 0x10000400n,
  },
  {
    name: 'INVPCID',
    code: '66 0f 38 82 03',
    primary: primary.invlpg,
    secondary: secondary.invpcid,
    registers: { 0: 0n, 3: BigInt(layout.kernelData) },
    otherwise: ud,
    user: gp,
    exit: 58,
    information: 0x1c18100n,
  },
];

/** Port instructions: code, RDX and the qualification (SDM vol. 3, table 28-5). */
const ports: readonly (readonly [string, string, bigint, bigint])[] = [
  ['IN AL, imm', 'e4 70', 0x1234n, 0x70_0048n],
  ['IN EAX, imm', 'e5 71', 0x1234n, 0x71_004bn],
  ['IN AX, DX', '66 ed', 0x1234n, 0x1234_0009n],
  ['IN AX, DX with DX 0', '66 ed', 0n, 9n],
  ['IN AL, DX', 'ec', 0xfff_03f8n, 0x3f8_0008n],
  ['OUT imm, AL', 'e6 80', 0n, 0x80_0040n],
  ['OUT DX, EAX', 'ef', 0xcf8n, 0xcf8_0003n],
  ['OUT DX, AX', '66 ef', 0xffffn, 0xffff_0001n],
  ['INS byte', '6c', 0x1f0n, 0x1f0_0018n],
  ['INS dword', '6d', 0x1f0n, 0x1f0_001bn],
  ['REP INS word', 'f3 66 6d', 0x1f0n, 0x1f0_0039n],
  ['OUTS byte', '6e', 0x1f0n, 0x1f0_0010n],
  ['REP OUTS dword', 'f3 6f', 0x1f0n, 0x1f0_0033n],
];

function prepare(level: 0 | 3, row: Pick<Row, 'code' | 'registers'>): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(level, machineCode(row.code));
  for (const [index, value] of Object.entries(row.registers ?? {})) {
    kernel.state.setGpr(Number(index), value);
  }
  return kernel;
}

function setControls(kernel: GuestKernel, first = 0, second = 0): void {
  kernel.setField('CPU_BASED_VM_EXEC_CONTROL', BigInt((first | secondaryActive) >>> 0));
  kernel.setField('SECONDARY_VM_EXEC_CONTROL', BigInt(second));
}

describe('intercepted instructions (SDM vol. 3, 26.1)', () => {
  for (const row of rows) {
    const length = BigInt(machineCode(row.code).length);

    it(`${row.name}: exit ${row.exit}, without effect`, () => {
      const kernel = prepare(0, row);
      setControls(kernel, row.primary, row.secondary);
      const before = kernel.state.rip;
      assert.equal(kernel.outcome(), `exit ${row.exit}`);
      assert.equal(kernel.field('EXIT_QUALIFICATION'), row.qualification ?? 0n);
      assert.equal(kernel.field('VM_EXIT_INSTRUCTION_LEN'), length);
      assert.equal(kernel.field('VM_EXIT_INTR_INFO'), 0n);
      if (row.information !== undefined) {
        assert.equal(kernel.field('VMX_INSTRUCTION_INFO'), row.information);
      }
      assert.equal(kernel.state.rip, before);
      assert.equal(kernel.state.readU64(stateOffsets.retired), 0n);
      kernel.core.completeInstruction();
      assert.equal(kernel.state.rip, before + length);
      assert.equal(kernel.state.readU64(stateOffsets.retired), 1n);
    });

    it(`${row.name} at CPL 3: ${row.user}`, () => {
      const kernel = prepare(3, row);
      setControls(kernel, row.primary, row.secondary);
      assert.equal(kernel.outcome(), row.user);
    });

    if (row.otherwise === undefined) continue;
    const otherwise = row.otherwise;
    it(`${row.name} without the control: ${otherwise}`, () => {
      const kernel = prepare(0, row);
      setControls(kernel);
      const before = kernel.state.rip;
      const outcome = kernel.outcome();
      if (otherwise === 'inactive') {
        assert.equal(kernel.field('GUEST_ACTIVITY_STATE'), 1n);
      } else assert.equal(outcome, otherwise);
      if (otherwise === 'budget') assert.equal(kernel.state.rip, before + length);
    });
  }

  for (const [name, code] of [
    ['VMMCALL', '0f 01 d9'],
    ['RDTSCP that is not enabled', '0f 01 f9'],
    ['VMLAUNCH', '0f 01 c2'],
    ['XGETBV', '0f 01 d0'],
    ['RDFSBASE without CR4.FSGSBASE', 'f3 48 0f ae c0'],
    ['RDPID', 'f3 0f c7 f8'],
    ['an AVX instruction', 'c5 f8 28 c1'],
    ['an AVX-512 instruction', '62 f1 7c 48 28 c1'],
    ['a 3DNow! instruction', '0f 0f c1 9e'],
    ['RDRAND with F2', 'f2 0f c7 f0'],
    ['MOV from CR1', '0f 20 c8'],
    ['MOV to CR5', '0f 22 e8'],
    ['MOV from CR15', '44 0f 20 f8'],
    ['MOV from DR8', '44 0f 21 c0'],
  ] as const) {
    it(`${name} is undefined`, () => assert.equal(prepare(0, { code }).outcome(), 'vector 6'));
  }

  it('RDTSC gives the steps since the clock was zero', () => {
    const kernel = prepare(0, { code: '90 90 0f 31' });
    setControls(kernel, primary.tscOffsetting);
    kernel.setField('TSC_OFFSET', 0x1_0000_0000n);
    kernel.core.run(3, 1000);
    const value = (kernel.state.gpr(2) << 32n) | kernel.state.gpr(0);
    assert.equal(value, 0x1_0000_0000n + 1002n);
  });

  it('CR4.TSD keeps RDTSC from user code', () => {
    const kernel = prepare(3, { code: '0f 31' });
    setControls(kernel);
    kernel.setField('GUEST_CR4', 0x624n);
    assert.equal(kernel.outcome(), gp);
  });

  for (const [name, code, registers, expected] of [
    ['MONITOR with an extension', '0f 01 c8', { 1: 1n }, gp],
    ['MONITOR of a missing page', '0f 01 c8', { 0: 0x5000_0000n, 1: 0n }, 'vector 14 (0x0)'],
    ['MONITOR beyond canonical form', '0f 01 c8', { 0: 1n << 60n, 1: 0n }, gp],
    ['MWAIT with an extension', '0f 01 c9', { 1: 2n }, gp],
    ['WRFSBASE beyond canonical form', 'f3 48 0f ae d0', { 0: 1n << 47n }, gp],
    ['WRGSBASE', 'f3 48 0f ae d8', { 0: -1n << 47n }, 'budget'],
  ] as const) {
    it(`${name}: ${expected}`, () => {
      const kernel = prepare(0, { code, registers });
      setControls(kernel);
      kernel.setField('GUEST_CR4', 0x10620n);
      assert.equal(kernel.outcome(), expected);
    });
  }

  it('a CR3 target value does not exit', () => {
    const kernel = prepare(0, { code: '0f 22 d8', registers: { 0: 0x1000n } });
    setControls(kernel, primary.cr3Load);
    kernel.setField('CR3_TARGET_COUNT', 1n);
    kernel.setField('CR3_TARGET_VALUE0', 0x1000n);
    assert.equal(kernel.outcome(), 'budget');
  });
});

describe('port instructions: exit 30 (SDM vol. 3, table 28-5)', () => {
  for (const [name, code, port, qualification] of ports) {
    it(`${name}: ${qualification.toString(16)}`, () => {
      const data = BigInt(layout.kernelData);
      const registers = { 1: 3n, 2: port, 6: data + 0x10n, 7: data + 0x20n };
      const kernel = prepare(0, { code, registers });
      setControls(kernel, primary.io);
      assert.equal(kernel.outcome(), 'exit 30');
      assert.equal(kernel.field('EXIT_QUALIFICATION'), qualification);
      const isString = (qualification & 0x10n) !== 0n;
      const pointer = (qualification & 8n) !== 0n ? data + 0x20n : data + 0x10n;
      assert.equal(kernel.field('GUEST_LINEAR_ADDRESS'), isString ? pointer : 0n);
      if (!isString) return;
      assert.equal((kernel.field('VMX_INSTRUCTION_INFO') >> 7n) & 7n, 2n, '64-bit addresses');
    });
  }

  it('OUTS names the segment that overrides DS', () => {
    for (const [prefix, number] of [
      ['', 3n],
      ['64', 4n],
      ['65', 5n],
    ] as const) {
      const kernel = prepare(0, {
        code: `${prefix} 6e`,
        registers: { 2: 1n, 6: BigInt(layout.kernelData) },
      });
      setControls(kernel, primary.io);
      assert.equal(kernel.outcome(), 'exit 30');
      assert.equal((kernel.field('VMX_INSTRUCTION_INFO') >> 15n) & 7n, number);
    }
  });

  it('REP INS takes one answer for each element', () => {
    const data = BigInt(layout.kernelData);
    const kernel = prepare(0, { code: 'f3 6c', registers: { 1: 2n, 2: 1n, 7: data } });
    setControls(kernel, primary.io);
    for (const value of [0x41n, 0x42n]) {
      assert.equal(kernel.outcome(), 'exit 30');
      kernel.state.writeU32(stateOffsets.exitPending, 0);
      kernel.core.answerAccess(value);
      assert.equal(kernel.outcome(), 'budget');
    }
    assert.equal(kernel.readU64(layout.kernelData) & 0xffffn, 0x4241n);
    assert.deepEqual([kernel.state.gpr(1), kernel.state.gpr(7)], [0n, data + 2n]);
    assert.equal(kernel.state.rip, BigInt(layout.kernelCode + 2));
  });

  it('REP INS with a count of zero does nothing', () => {
    const kernel = prepare(0, { code: 'f3 6c', registers: { 1: 0n } });
    setControls(kernel, primary.io);
    assert.equal(kernel.outcome(), 'budget');
  });

  it('a page fault of the element comes before the exit', () => {
    const kernel = prepare(0, { code: '6c', registers: { 7: 0x5000_0000n } });
    setControls(kernel, primary.io);
    assert.equal(kernel.outcome(), 'vector 14 (0x2)');
  });

  for (const [title, ioPrivilege, bitmap, limit, expected] of [
    ['IOPL 3', 3, 0xff, 0x67, 'exit 30'],
    ['no bitmap', 0, 0, 0x67, gp],
    ['a clear bit', 0, 0, 0x2000, 'exit 30'],
    ['a set bit', 0, 1, 0x2000, gp],
    ['a set bit of a wider access', 0, 8, 0x2000, gp],
    ['a bit of a neighbour', 0, 0x10, 0x2000, 'exit 30'],
  ] as const) {
    it(`user code, ${title}: ${expected}`, () => {
      const kernel = prepare(3, { code: 'ed', registers: { 2: 0x40n } });
      setControls(kernel, primary.io);
      kernel.state.rflags = (ioPrivilege << 12) | 2;
      kernel.setField('GUEST_TR_LIMIT', BigInt(limit));
      kernel.memory.write(layout.taskState + 0x66, Uint8Array.of(0x68, 0));
      kernel.memory.write(layout.taskState + 0x68 + 8, Uint8Array.of(bitmap, 0));
      assert.equal(kernel.outcome(), expected);
    });
  }
});
