// Exceptions and interrupts go through the interrupt table as the SDM says: gates, stacks, frames and flags.
import assert from 'node:assert/strict';
import { GuestKernel, layout, selector, type Gate } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const flags = { TF: 0x100, IF: 0x200, NT: 0x4000, RF: 0x10000, AC: 0x40000 } as const;

interface Row {
  readonly title: string;
  readonly level?: 0 | 3;
  readonly code: string;
  readonly gates?: Readonly<Record<number, Gate>>;
  readonly prepare?: (kernel: GuestKernel) => void;
  readonly outcome: string;
  /** Offset of the saved instruction pointer from the start of the code. */
  readonly saved?: number;
}

const missingPage = 0x5000_0000n;
const readMissing = '48 8b 03';
const atMissing = (kernel: GuestKernel): void => kernel.state.setGpr(3, missingPage);

const rows: readonly Row[] = [
  { title: '#DE has no error code', code: '31 c9 f7 f1', outcome: 'vector 0', saved: 2 },
  { title: '#UD has no error code', code: '0f 0b', outcome: 'vector 6', saved: 0 },
  { title: '#GP has error code 0', level: 3, code: 'f4', outcome: 'vector 13 (0x0)', saved: 0 },
  {
    title: '#PF has its own error code',
    code: readMissing,
    prepare: atMissing,
    outcome: 'vector 14 (0x0)',
    saved: 0,
  },
  { title: 'INT n is a trap', code: 'cd 80', outcome: 'vector 128', saved: 2 },
  { title: 'INT3 is a trap', code: 'cc', outcome: 'vector 3', saved: 1 },
  { title: 'INT1 is a trap', code: 'f1', outcome: 'vector 1', saved: 1 },
  { title: 'INTO is undefined in 64-bit mode', code: 'ce', outcome: 'vector 6', saved: 0 },
  {
    title: 'INT n needs the privilege of the gate',
    level: 3,
    code: 'cd 80',
    outcome: `vector 13 (0x${(128 * 8 + 2).toString(16)})`,
    saved: 0,
  },
  {
    title: 'INT n from user code through a user gate',
    level: 3,
    code: 'cd 80',
    gates: { 128: { privilege: 3 } },
    outcome: 'vector 128',
    saved: 2,
  },
  {
    title: 'INT3 needs the privilege of the gate',
    level: 3,
    code: 'cc',
    outcome: 'vector 13 (0x1a)',
    saved: 0,
  },
  { title: 'INT1 does not', level: 3, code: 'f1', outcome: 'vector 1', saved: 1 },
  {
    title: 'an exception does not',
    level: 3,
    code: '0f 0b',
    outcome: 'vector 6',
    saved: 0,
  },
  {
    title: 'a gate that is not present',
    code: 'cd 80',
    gates: { 128: { present: false } },
    outcome: 'vector 11 (0x402)',
    saved: 0,
  },
  {
    title: 'a gate that is not present, for an exception: EXT is set',
    code: '0f 0b',
    gates: { 6: { present: false } },
    outcome: 'vector 11 (0x33)',
    saved: 0,
  },
  {
    title: 'a gate of another type',
    code: 'cd 80',
    gates: { 128: { type: 0xc } },
    outcome: 'vector 13 (0x402)',
    saved: 0,
  },
  {
    title: 'an entry beyond the limit',
    code: 'cd ff',
    prepare: (kernel) => kernel.setField('GUEST_IDTR_LIMIT', 0x7fen),
    outcome: 'vector 13 (0x7fa)',
    saved: 0,
  },
  {
    title: 'a null selector',
    code: 'cd 80',
    gates: { 128: { selector: 0 } },
    outcome: 'vector 13 (0x0)',
    saved: 0,
  },
  {
    title: 'a selector beyond the table',
    code: 'cd 80',
    gates: { 128: { selector: selector.beyond } },
    outcome: 'vector 13 (0x1000)',
    saved: 0,
  },
  {
    title: 'a data segment as handler',
    code: 'cd 80',
    gates: { 128: { selector: selector.kernelData } },
    outcome: 'vector 13 (0x10)',
    saved: 0,
  },
  {
    title: 'a compatibility-mode handler',
    code: 'cd 80',
    gates: { 128: { selector: selector.compatibilityCode } },
    outcome: 'vector 13 (0x40)',
    saved: 0,
  },
  {
    title: 'a less privileged handler',
    code: 'cd 80',
    gates: { 128: { selector: selector.userCode } },
    outcome: 'vector 13 (0x20)',
    saved: 0,
  },
  {
    title: 'an absent handler segment',
    code: 'cd 80',
    gates: { 128: { selector: selector.absentCode } },
    outcome: 'vector 11 (0x38)',
    saved: 0,
  },
  {
    title: 'a handler that is not canonical',
    code: 'cd 80',
    gates: { 128: { offset: 0x8000_0000_0000n } },
    outcome: 'vector 13 (0x0)',
    saved: 0,
  },
  {
    title: 'a task state too short for RSP0',
    level: 3,
    code: '0f 0b',
    prepare: (kernel) => kernel.setField('GUEST_TR_LIMIT', 0xan),
    outcome: 'vector 10 (0x29)',
  },
];

describe('delivery through the interrupt table (SDM vol. 3, 6.12 to 6.14)', () => {
  for (const { title, level = 0, code, gates = {}, prepare, outcome, saved } of rows) {
    it(`${title}: ${outcome}`, () => {
      const kernel = GuestKernel.again();
      kernel.enter(level, machineCode(code));
      const start = kernel.state.rip;
      for (const [vector, gate] of Object.entries(gates)) kernel.setGate(Number(vector), gate);
      prepare?.(kernel);
      // Code of two instructions: the first prepares.
      if (code.startsWith('31 c9')) kernel.step();
      if (outcome.startsWith('vector 10')) {
        // No stack can be had for any handler: the chain ends in shutdown.
        assert.equal(kernel.outcome(), 'exit 2');
        return;
      }
      assert.equal(kernel.outcome(), outcome);
      const hasErrorCode = outcome.includes('(');
      const [ip] = kernel.stack(hasErrorCode ? 2 : 1).slice(-1);
      assert.equal(ip, start + BigInt(saved ?? 0));
    });
  }
});

describe('the frame of a handler (SDM vol. 3, 6.14.2)', () => {
  function deliver(level: 0 | 3, gate: Gate, rflags: number, stackPointer?: bigint): GuestKernel {
    const kernel = GuestKernel.again();
    kernel.setGate(128, { privilege: 3, ...gate });
    kernel.enter(level, machineCode('cd 80'));
    kernel.state.rflags = rflags | 2;
    if (stackPointer !== undefined) kernel.state.setGpr(4, stackPointer);
    assert.equal(kernel.outcome(), 'vector 128');
    return kernel;
  }

  it('has SS, RSP, RFLAGS, CS and RIP, on RSP0 after a change of privilege', () => {
    const kernel = deliver(3, {}, flags.IF | 0x8d5, 0x70123n);
    assert.equal(kernel.state.gpr(4), BigInt(layout.kernelStack - 40));
    assert.deepEqual(kernel.stack(5), [
      BigInt(layout.userCode + 2),
      BigInt(selector.userCode),
      BigInt(flags.IF | 0x8d7),
      0x70123n,
      BigInt(selector.userData),
    ]);
    assert.equal(kernel.field('GUEST_CS_SELECTOR'), BigInt(selector.kernelCode));
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), 0n);
    assert.equal(kernel.field('GUEST_SS_AR_BYTES') & 0x10060n, 0x10000n);
    assert.equal(kernel.state.rip, kernel.handler(128));
  });

  it('lies on the present stack, aligned to 16, without a change of privilege', () => {
    const stackPointer = BigInt(layout.kernelStack - 0x107);
    const kernel = deliver(0, {}, 0, stackPointer);
    assert.equal(kernel.state.gpr(4), (stackPointer & ~15n) - 40n);
    assert.equal(kernel.stack(5)[3], stackPointer);
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), BigInt(selector.kernelData));
  });

  for (const level of [0, 3] as const) {
    it(`lies on the stack of the interrupt stack table, from CPL ${level}`, () => {
      const kernel = deliver(level, { stackTable: 1 }, 0);
      assert.equal(kernel.state.gpr(4), BigInt(layout.interruptStack - 40));
    });
  }

  it('a conforming handler keeps the privilege and the stack', () => {
    const stackPointer = BigInt(layout.userStack - 0x200);
    const kernel = deliver(
      3,
      { selector: selector.conformingCode, offset: 0x60800n },
      0,
      stackPointer,
    );
    assert.equal(kernel.state.gpr(4), stackPointer - 40n);
    assert.equal(kernel.field('GUEST_CS_SELECTOR'), BigInt(selector.conformingCode | 3));
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), BigInt(selector.userData));
  });

  for (const [type, kept] of [
    [0xe, 0],
    [0xf, flags.IF],
  ] as const) {
    it(`gate type ${type.toString(16)} clears TF, NT and RF, and IF only in an interrupt gate`, () => {
      const kernel = deliver(0, { type }, flags.IF | flags.NT | flags.AC | 1);
      assert.equal(kernel.state.rflags, kept | flags.AC | 3);
    });
  }

  for (const [title, code, expected] of [
    ['a fault saves RF', '0f 0b', flags.RF],
    ['a trap does not', 'cc', 0],
    ['INT n does not', 'cd 80', 0],
  ] as const) {
    it(title, () => {
      const kernel = GuestKernel.again();
      kernel.enter(0, machineCode(code));
      kernel.step();
      assert.equal(Number(kernel.stack(3)[2]) & flags.RF, expected);
    });
  }

  it('a page fault sets CR2', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode(readMissing));
    atMissing(kernel);
    assert.equal(kernel.outcome(), 'vector 14 (0x0)');
    kernel.enter(0, machineCode('0f 20 d0'));
    kernel.step();
    assert.equal(kernel.state.gpr(0), missingPage);
  });
});
