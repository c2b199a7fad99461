// Events that VM entry injects are delivered first, with the RIP, error code and blocking that their type asks for.
import assert from 'node:assert/strict';
import { GuestKernel } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const valid = 0x8000_0000;
const hasErrorCode = 0x800;
const nmiBlocking = 8n;

interface Row {
  readonly title: string;
  readonly type: number;
  readonly vector: number;
  readonly errorCode?: number;
  readonly length?: number;
  readonly privilege?: number;
  readonly level?: 0 | 3;
  readonly outcome: string;
  /** Saved RIP, from the present one. */
  readonly saved: number;
}

const rows: readonly Row[] = [
  { title: 'an external interrupt', type: 0, vector: 0x30, outcome: 'vector 48', saved: 0 },
  {
    title: 'an external interrupt to user code, whatever the privilege of the gate',
    type: 0,
    vector: 0x30,
    level: 3,
    outcome: 'vector 48',
    saved: 0,
  },
  { title: 'an NMI', type: 2, vector: 2, outcome: 'vector 2', saved: 0 },
  { title: 'a hardware exception', type: 3, vector: 6, outcome: 'vector 6', saved: 0 },
  {
    title: 'a hardware exception with error code',
    type: 3,
    vector: 13,
    errorCode: 0x1230,
    outcome: 'vector 13 (0x1230)',
    saved: 0,
  },
  {
    title: 'a software interrupt',
    type: 4,
    vector: 0x80,
    length: 2,
    outcome: 'vector 128',
    saved: 2,
  },
  {
    title: 'a software interrupt through a gate of higher privilege',
    type: 4,
    vector: 0x80,
    length: 2,
    level: 3,
    outcome: 'vector 13 (0x402)',
    saved: 0,
  },
  { title: 'INT1', type: 5, vector: 1, length: 1, outcome: 'vector 1', saved: 1 },
  { title: 'INT3', type: 6, vector: 3, length: 1, outcome: 'vector 3', saved: 1 },
];

/** Type, vector and length of what is injected from level 3; none where the guest raises #UD. */
const origins = [
  { title: 'an injected interrupt', injects: { type: 0, vector: 0x30, length: 0 }, is: true },
  { title: 'a fault met by it', injects: { type: 4, vector: 0x80, length: 2 }, is: false },
  { title: 'an exception of the guest', injects: undefined, is: false },
] as const;

describe('VM-entry injection (SDM vol. 3, 27.6)', () => {
  for (const row of rows) {
    const { title, type, vector, errorCode, length = 0, level = 0, outcome, saved } = row;
    it(`${title}: ${outcome}`, () => {
      const kernel = GuestKernel.again();
      kernel.enter(level, machineCode('90 90 90'));
      const start = kernel.state.rip;
      const code = errorCode === undefined ? 0 : hasErrorCode;
      kernel.setField('VM_ENTRY_INTR_INFO_FIELD', BigInt(valid + code + (type << 8) + vector));
      kernel.setField('VM_ENTRY_EXCEPTION_ERROR_CODE', BigInt(errorCode ?? 0));
      kernel.setField('VM_ENTRY_INSTRUCTION_LEN', BigInt(length));
      kernel.setField('EXCEPTION_BITMAP', BigInt(1 << vector) & 0xffffffffn & ~(1n << 13n));
      assert.equal(kernel.outcome(), outcome);
      const [ip] = kernel.stack(outcome.includes('(') ? 2 : 1).slice(-1);
      assert.equal(ip, start + BigInt(saved));
      assert.equal(kernel.field('VM_ENTRY_INTR_INFO_FIELD'), 0n, 'it is injected once');
      const blocking = kernel.field('GUEST_INTERRUPTIBILITY_INFO');
      assert.equal(blocking, type === 2 ? nmiBlocking : 0n);
    });
  }

  it('takes one step and no instruction', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('90'));
    kernel.setField('VM_ENTRY_INTR_INFO_FIELD', BigInt(valid + 0x30));
    const { steps, stop } = kernel.core.run(100, 0);
    assert.deepEqual([steps, stop.kind], [1, 'event']);
    assert.equal(kernel.state.rip, kernel.handler(0x30));
  });

  it('wakes a processor that waits in HLT', () => {
    const kernel = GuestKernel.again();
    kernel.setField('CPU_BASED_VM_EXEC_CONTROL', 0x81000000n);
    kernel.enter(0, machineCode('f4 90'));
    assert.equal(kernel.core.run(100, 0).stop.kind, 'inactive');
    const after = kernel.state.rip;
    kernel.setField('VM_ENTRY_INTR_INFO_FIELD', BigInt(valid + 0x30));
    assert.equal(kernel.outcome(), 'vector 48');
    assert.equal(kernel.stack(1)[0], after);
    assert.equal(kernel.field('GUEST_ACTIVITY_STATE'), 0n);
  });

  it('an injected event that meets a fault leaves the vectoring information for another try', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('90'));
    kernel.setField('VM_ENTRY_INTR_INFO_FIELD', BigInt(valid + 0x30));
    kernel.memory.unmap(0x40, 1);
    assert.equal(kernel.outcome(), 'exit 48');
    assert.equal(kernel.field('IDT_VECTORING_INFO_FIELD'), BigInt(valid + 0x30));
  });

  for (const { title, injects, is } of origins) {
    it(`${title} is ${is ? '' : 'not '}told as injected`, () => {
      const kernel = GuestKernel.again();
      kernel.enter(3, machineCode('0f 0b'));
      if (injects !== undefined) {
        const { type, vector, length } = injects;
        kernel.setField('VM_ENTRY_INTR_INFO_FIELD', BigInt(valid + (type << 8) + vector));
        kernel.setField('VM_ENTRY_INSTRUCTION_LEN', BigInt(length));
      }
      const { stop } = kernel.step();
      assert(stop.kind === 'event');
      assert.equal(stop.isInjected, is);
    });
  }
});
