// IRET and far RET: frames, privilege changes, flags that may change, and the faults of each check.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, layout, selector } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const iret = '48 cf';
const target = 0x30_800n;
const userTarget = BigInt(layout.userCode + 0x800);
const stackPointer = BigInt(layout.kernelStack - 0x800);
const userStackPointer = BigInt(layout.userStack - 0x800);

interface Frame {
  readonly ip?: bigint;
  readonly code?: number;
  readonly flags?: bigint;
  readonly pointer?: bigint;
  readonly stack?: number;
}

function returning(level: 0 | 3, frame: Frame, code = iret): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(level, machineCode(code));
  const isKernel = level === 0;
  const values = [
    frame.ip ?? (isKernel ? target : userTarget),
    BigInt(frame.code ?? (isKernel ? selector.kernelCode : selector.userCode)),
    frame.flags ?? 2n,
    frame.pointer ?? (isKernel ? stackPointer : userStackPointer),
    BigInt(frame.stack ?? (isKernel ? selector.kernelData : selector.userData)),
  ];
  const top = Number(kernel.state.gpr(4));
  values.forEach((value, index) => kernel.writeU64(top + index * 8, value));
  return kernel;
}

const toUser: Frame = {
  ip: userTarget,
  code: selector.userCode,
  pointer: userStackPointer,
  stack: selector.userData,
};

describe('IRET in 64-bit mode (SDM vol. 2, IRET)', () => {
  for (const level of [0, 3] as const) {
    it(`to the same privilege, CPL ${level}, also takes SS and RSP`, () => {
      const kernel = returning(level, {});
      assert.equal(kernel.outcome(), 'budget');
      assert.equal(kernel.state.rip, level === 0 ? target : userTarget);
      assert.equal(kernel.state.gpr(4), level === 0 ? stackPointer : userStackPointer);
    });
  }

  it('to user code changes CS, SS, and drops data segments of the kernel', () => {
    const kernel = returning(0, toUser);
    kernel.setField('GUEST_DS_SELECTOR', BigInt(selector.kernelData));
    kernel.setField('GUEST_DS_AR_BYTES', 0xc093n);
    kernel.setField('GUEST_ES_SELECTOR', BigInt(selector.userData));
    kernel.setField('GUEST_ES_AR_BYTES', 0xc0f3n);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.rip, userTarget);
    assert.equal(kernel.state.gpr(4), userStackPointer);
    assert.equal(kernel.field('GUEST_CS_SELECTOR'), BigInt(selector.userCode));
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), BigInt(selector.userData));
    assert.equal(kernel.field('GUEST_DS_SELECTOR'), 0n);
    assert.equal(kernel.field('GUEST_DS_AR_BYTES') & 0x10000n, 0x10000n);
    assert.equal(kernel.field('GUEST_ES_SELECTOR'), BigInt(selector.userData));
    kernel.memory.write(Number(userTarget), machineCode('f4'));
    assert.equal(kernel.outcome(), 'vector 13 (0x0)', 'HLT is privileged now');
  });

  it('from an interrupt returns where it came from', () => {
    const kernel = GuestKernel.again();
    kernel.setGate(128, { privilege: 3 });
    kernel.enter(3, machineCode('cd 80 90'));
    kernel.memory.write(Number(kernel.handler(128)), machineCode(iret));
    kernel.state.rflags = 0x8d7;
    const before = [kernel.state.rip + 2n, kernel.state.gpr(4), kernel.state.rflags];
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['vector 128', 'budget']);
    assert.deepEqual([kernel.state.rip, kernel.state.gpr(4), kernel.state.rflags], before);
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), BigInt(selector.userData));
  });

  it('ends blocking by NMI, also where it faults later', () => {
    const kernel = returning(0, {});
    kernel.setField('GUEST_INTERRUPTIBILITY_INFO', 8n);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.field('GUEST_INTERRUPTIBILITY_INFO'), 0n);
  });

  it('with a null SS stays in the kernel', () => {
    const kernel = returning(0, { stack: 0 });
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), 0n);
  });

  const faults: readonly (readonly [string, 0 | 3, Frame, string])[] = [
    ['a null CS', 0, { code: 0 }, 'vector 13 (0x0)'],
    ['a CS beyond the table', 0, { code: selector.beyond }, 'vector 13 (0x1000)'],
    ['a data segment as CS', 0, { code: selector.kernelData }, 'vector 13 (0x10)'],
    ['an absent CS', 0, { code: selector.absentCode }, 'vector 11 (0x38)'],
    ['more privilege', 3, { code: selector.kernelCode }, 'vector 13 (0x8)'],
    ['RPL and DPL that differ', 0, { code: selector.kernelCode | 3 }, 'vector 13 (0x8)'],
    ['an RIP that is not canonical', 0, { ip: 1n << 47n }, 'vector 13 (0x0)'],
    ['a null SS for user code', 0, { ...toUser, stack: 0 }, 'vector 13 (0x0)'],
    ['a null SS with another RPL', 0, { stack: 1 }, 'vector 13 (0x0)'],
    ['a code segment as SS', 0, { stack: selector.kernelCode }, 'vector 13 (0x8)'],
    ['a read-only SS', 0, { stack: selector.readOnlyData }, 'vector 13 (0x50)'],
    ['an absent SS', 0, { stack: selector.absentData }, 'vector 12 (0x58)'],
    [
      'an SS of another privilege',
      0,
      { ...toUser, stack: selector.kernelData },
      'vector 13 (0x10)',
    ],
  ];
  for (const [title, level, frame, outcome] of faults) {
    it(`${title}: ${outcome}, and nothing has changed`, () => {
      const kernel = returning(level, frame);
      const start = kernel.state.rip;
      const pointer = kernel.state.gpr(4);
      assert.equal(kernel.outcome(), outcome);
      const saved = kernel.stack(6);
      const privilege = level === 0 ? selector.kernelCode : selector.userCode;
      assert.deepEqual([saved[1], saved[2], saved[4]], [start, BigInt(privilege), pointer]);
    });
  }

  it('with NT set: #GP(0)', () => {
    const kernel = returning(0, {});
    kernel.state.rflags = 0x4002;
    assert.equal(kernel.outcome(), 'vector 13 (0x0)');
  });

  for (const [title, level, ioPrivilege, popped, expected] of [
    ['the kernel changes IF and IOPL', 0, 0, 0x3ed7n, 0x3ed7],
    ['user code changes neither', 3, 0, 0x3ed7n, 0xcd7],
    ['user code with IOPL 3 changes IF', 3, 3, 0x2d7n, 0x32d7],
    ['the kernel changes AC, VIF, VIP and ID', 0, 0, 0x3c0002n, 0x3c0002],
    ['user code changes AC and ID', 3, 0, 0x3c0002n, 0x240002],
    ['RF comes from the frame', 0, 0, 0x10002n, 0x10002],
  ] as const) {
    it(`${title}`, () => {
      const kernel = returning(level, { flags: popped });
      kernel.state.rflags = (ioPrivilege << 12) | 2;
      assert.equal(kernel.outcome(), 'budget');
      assert.equal(kernel.state.rflags, expected);
    });
  }

  it('with a 32-bit frame', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('cf'));
    const top = Number(kernel.state.gpr(4));
    const words = [
      Number(target),
      selector.kernelCode,
      2,
      Number(stackPointer),
      selector.kernelData,
    ];
    words.forEach((word, index) => {
      kernel.memory.write(top + index * 4, new Uint8Array(Uint32Array.of(word).buffer));
    });
    assert.equal(kernel.outcome(), 'budget');
    assert.deepEqual([kernel.state.rip, kernel.state.gpr(4)], [target, stackPointer]);
  });
});

describe('RF that IRET has set (SDM vol. 3, 17.3.1.1)', () => {
  const resume = 0x10000n;
  /** What a run has left, where it has not ended. */
  type Taken = readonly [rip: bigint, rflags: number, stack: readonly bigint[], retired: bigint];

  function writeFrame(kernel: GuestKernel, top: bigint): void {
    const { kernelCode, kernelData } = selector;
    const values = [target, BigInt(kernelCode), resume | 2n, stackPointer, BigInt(kernelData)];
    values.forEach((value, index) => kernel.writeU64(Number(top) + index * 8, value));
  }

  /** Returns with RF set and takes so many steps, `atOnce` of them in a run. */
  function taken(kernel: GuestKernel, steps: number, atOnce: number): Taken {
    kernel.state.rflags = 2;
    kernel.state.rip = BigInt(layout.kernelCode);
    kernel.state.setGpr(4, stackPointer - 0x100n);
    writeFrame(kernel, stackPointer - 0x100n);
    writeFrame(kernel, stackPointer);
    kernel.state.setGpr(1, 3n);
    kernel.state.setGpr(7, BigInt(layout.userStack));
    const before = kernel.state.readU64(stateOffsets.retired);
    for (let left = steps; left > 0;) {
      kernel.state.writeU32(stateOffsets.exitPending, 0);
      const run = kernel.core.run(Math.min(atOnce, left), 0);
      left -= run.steps;
      if (run.stop.kind === 'vm-exit') break;
    }
    const { rip, rflags } = kernel.state;
    const retired = kernel.state.readU64(stateOffsets.retired) - before;
    return [rip, rflags, kernel.stack(6), retired];
  }

  for (const hotCount of [0, 1]) {
    describe(hotCount === 0 ? 'interpreted' : 'translated', () => {
      let kernel: GuestKernel;
      before(() => (kernel = new GuestKernel({ hotCount })));
      for (const [title, code, steps, keepsFlag] of [
        ['ends with an instruction', '90 90', 2, false],
        ['is pushed by a fault', '0f 0b', 2, true],
        ['is pushed by a page fault', '48 a1 00 00 00 40 00 00 00 00', 2, true],
        ['is not pushed by PUSHF', '9c', 2, false],
        ['ends with a jump to itself', 'eb fe', 4, false],
        ['ends with a routine', 'fb fa', 3, false],
        ['is there at a VM exit', '0f a2', 2, true],
        ['lasts for all iterations', 'f3 aa', 3, true],
        ['ends behind them', 'f3 aa', 4, false],
        ['is set anew by another return', '48 cf', 2, true],
      ] as const) {
        it(title, () => {
          kernel.enter(0, machineCode(iret));
          kernel.memory.write(Number(target), machineCode(code));
          const single = taken(kernel, steps, 1);
          // The instructions are known by now.
          for (const atOnce of [steps, 2]) assert.deepEqual(taken(kernel, steps, atOnce), single);
          const [rip, rflags, stack] = single;
          const isHandled = rip >= kernel.handler(0) && rip <= kernel.handler(255);
          const flags = isHandled
            ? stack.slice(0, 4).find((value) => value >= resume && value < 2n * resume)
            : BigInt(rflags);
          assert.equal(((flags ?? 0n) & resume) !== 0n, keepsFlag);
        });
      }
    });
  }
});

describe('POPF (SDM vol. 2, POPF)', () => {
  for (const [title, level, rflags, popped, expected] of [
    ['the kernel changes IF and IOPL', 0, 2, 0x3202n, 0x3202],
    ['user code changes neither, silently', 3, 0x202, 0x3002n, 0x202],
    ['user code with IOPL 3 changes IF', 3, 0x3002, 0x202n, 0x3202],
    ['RF is cleared', 0, 2, 0x10002n, 2],
    ['AC and ID change', 0, 2, 0x240002n, 0x240002],
    ['bit 1 is one, the reserved ones are zero', 0, 2, 0x8028n, 2],
  ] as const) {
    it(title, () => {
      const kernel = GuestKernel.again();
      kernel.enter(level, machineCode('9d'));
      kernel.state.rflags = rflags;
      kernel.writeU64(Number(kernel.state.gpr(4)), popped);
      assert.equal(kernel.outcome(), 'budget');
      assert.equal(kernel.state.rflags, expected);
    });
  }
});

describe('far RET (SDM vol. 2, RET)', () => {
  function farReturn(level: 0 | 3, values: readonly bigint[], code = '48 cb'): GuestKernel {
    const kernel = GuestKernel.again();
    kernel.enter(level, machineCode(code));
    const top = Number(kernel.state.gpr(4));
    values.forEach((value, index) => kernel.writeU64(top + index * 8, value));
    return kernel;
  }

  it('to the same privilege', () => {
    const kernel = farReturn(0, [target, BigInt(selector.kernelCode)]);
    const top = kernel.state.gpr(4);
    assert.equal(kernel.outcome(), 'budget');
    assert.deepEqual([kernel.state.rip, kernel.state.gpr(4)], [target, top + 16n]);
  });

  it('to the same privilege, releasing parameters', () => {
    const kernel = farReturn(0, [target, BigInt(selector.kernelCode)], '48 ca 20 00');
    const top = kernel.state.gpr(4);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.gpr(4), top + 48n);
  });

  it('to user code, releasing parameters on both stacks', () => {
    const kernel = farReturn(
      0,
      [userTarget, BigInt(selector.userCode), 0n, 0n, userStackPointer, BigInt(selector.userData)],
      '48 ca 10 00',
    );
    assert.equal(kernel.outcome(), 'budget');
    assert.deepEqual([kernel.state.rip, kernel.state.gpr(4)], [userTarget, userStackPointer + 16n]);
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), BigInt(selector.userData));
  });

  for (const [title, level, code, ip, outcome] of [
    ['a null CS', 0, 0, target, 'vector 13 (0x0)'],
    ['more privilege', 3, selector.kernelCode, target, 'vector 13 (0x8)'],
    ['an absent CS', 0, selector.absentCode, target, 'vector 11 (0x38)'],
    ['an RIP that is not canonical', 0, selector.kernelCode, 1n << 47n, 'vector 13 (0x0)'],
  ] as const) {
    it(`${title}: ${outcome}`, () => {
      assert.equal(farReturn(level, [ip, BigInt(code)]).outcome(), outcome);
    });
  }

  it('enters compatibility mode', () => {
    const kernel = farReturn(0, [target, BigInt(selector.compatibilityCode)]);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.rip, target);
    assert.equal(kernel.field('GUEST_CS_AR_BYTES'), 0xc09bn);
  });
});
