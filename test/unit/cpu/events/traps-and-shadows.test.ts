// Single-step traps, and the instruction after STI and MOV SS, which interrupts may not precede.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, selector } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const trapFlag = 0x100;
const interruptFlag = 0x200;
const singleStep = 0x4000n;
const dr6 = stateOffsets.dr + 6 * 8;

function trapping(code: string, level: 0 | 3 = 0): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(level, machineCode(code));
  kernel.state.rflags = trapFlag | 2;
  return kernel;
}

describe('TF (SDM vol. 3, 17.3.1.4)', () => {
  for (const [title, code, next] of [
    ['NOP', '90', 1],
    ['a jump to code that was never decoded', 'eb 40', 0x42],
    ['a jump to another page', 'e9 fb 0f 00 00', 0x1000],
    ['an instruction that a routine performs', '0f 20 c0', 3],
    ['STI', 'fb', 1],
    ['one iteration of REP', 'f3 aa', 0],
  ] as const) {
    it(`traps after ${title}`, () => {
      const kernel = trapping(code);
      const start = kernel.state.rip;
      kernel.state.setGpr(1, 5n);
      kernel.state.setGpr(7, 0x44000n);
      assert.equal(kernel.outcome(), 'budget', 'the instruction itself is a step');
      assert.equal(kernel.outcome(), 'vector 1');
      assert.equal(kernel.stack(1)[0], start + BigInt(next));
      assert.equal((kernel.stack(3)[2] ?? 0n) & 0x100n, 0x100n, 'the frame keeps TF');
      assert.equal(kernel.state.rflags & trapFlag, 0);
      assert.equal(kernel.state.readU64(dr6) & singleStep, singleStep);
    });
  }

  it('one run takes both steps', () => {
    const { steps, stop } = trapping('90').core.run(10, 0);
    assert.deepEqual([steps, stop.kind], [2, 'event']);
  });

  it('POPF that sets TF traps after the following instruction', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('9d 90 90'));
    const start = kernel.state.rip;
    kernel.writeU64(Number(kernel.state.gpr(4)), BigInt(trapFlag));
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
    assert.equal(kernel.outcome(), 'vector 1');
    assert.equal(kernel.stack(1)[0], start + 2n);
  });

  it('POPF that clears TF still traps', () => {
    const kernel = trapping('9d 90');
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'vector 1']);
  });

  it('an instruction that faults does not trap', () => {
    const kernel = trapping('0f 0b');
    assert.equal(kernel.outcome(), 'vector 6');
    assert.equal(kernel.state.readU64(dr6) & singleStep, 0n);
  });

  it('INT n clears TF and does not trap', () => {
    const kernel = trapping('cd 80');
    kernel.memory.write(Number(kernel.handler(128)), machineCode('90 90'));
    assert.deepEqual(
      [kernel.outcome(), kernel.outcome(), kernel.outcome()],
      ['vector 128', 'budget', 'budget'],
    );
  });

  it('a load of SS holds the trap back for one instruction', () => {
    const kernel = trapping('8e d0 90 90');
    const start = kernel.state.rip;
    kernel.state.setGpr(0, BigInt(selector.kernelData));
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
    assert.equal(kernel.outcome(), 'vector 1');
    assert.equal(kernel.stack(1)[0], start + 3n);
  });

  it('SYSCALL with TF masked does not trap, SYSRET to code with TF traps at once', () => {
    const kernel = trapping('0f 05 90', 3);
    kernel.setField('GUEST_IA32_EFER', 0xd01n);
    kernel.state.setMsr('IA32_STAR', (0x10n << 48n) | (8n << 32n));
    kernel.state.setMsr('IA32_LSTAR', 0x30000n);
    kernel.state.setMsr('IA32_FMASK', BigInt(trapFlag));
    kernel.memory.write(0x30000, machineCode('48 0f 07'));
    const user = kernel.state.rip;
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'budget']);
    assert.equal(kernel.state.rip, user + 2n);
    assert.equal(kernel.outcome(), 'vector 1');
  });

  it('an exit by the exception bitmap tells BS in the qualification, DR6 stays', () => {
    const kernel = trapping('90');
    kernel.setField('EXCEPTION_BITMAP', 2n);
    assert.deepEqual([kernel.outcome(), kernel.outcome()], ['budget', 'exit 0']);
    assert.equal(kernel.field('EXIT_QUALIFICATION'), singleStep);
    assert.equal(kernel.state.readU64(dr6) & singleStep, 0n);
  });

  it('an intercepted instruction traps once it is completed', () => {
    const kernel = trapping('0f a2 90');
    const start = kernel.state.rip;
    assert.equal(kernel.outcome(), 'exit 10');
    kernel.core.completeInstruction();
    assert.equal(kernel.outcome(), 'vector 1');
    assert.equal(kernel.stack(1)[0], start + 2n);
  });
});

describe('blocking by STI and MOV SS (SDM vol. 3, 6.8.3 and 25.4.2)', () => {
  const blocking = (kernel: GuestKernel): bigint => kernel.field('GUEST_INTERRUPTIBILITY_INFO');

  for (const [title, code, rflags, expected] of [
    ['STI that sets IF', 'fb 90', 0, 1n],
    ['STI where IF was set', 'fb 90', interruptFlag, 0n],
    ['MOV SS', '8e d0 90', 0, 2n],
  ] as const) {
    it(`${title} blocks ${expected === 0n ? 'nothing' : 'until the next instruction is done'}`, () => {
      const kernel = GuestKernel.again();
      kernel.enter(0, machineCode(code));
      kernel.state.rflags = rflags | 2;
      kernel.state.setGpr(0, BigInt(selector.kernelData));
      kernel.step();
      assert.equal(blocking(kernel), expected);
      kernel.step();
      assert.equal(blocking(kernel), 0n);
    });
  }

  it('a long run ends blocking too', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('fb 90 90 f4'));
    assert.equal(kernel.core.run(50, 0).stop.kind, 'vm-exit');
    assert.equal(blocking(kernel), 0n);
  });

  it('STI and HLT: the exit still sees the blocking, completing it ends it', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('fb f4'));
    assert.equal(kernel.core.run(50, 0).stop.kind, 'vm-exit');
    assert.equal(blocking(kernel), 1n);
    kernel.core.completeInstruction();
    assert.equal(blocking(kernel), 0n);
  });

  it('a fault in the shadow ends it', () => {
    const kernel = GuestKernel.again();
    kernel.enter(0, machineCode('fb 0f 0b'));
    kernel.step();
    assert.equal(kernel.outcome(), 'vector 6');
    assert.equal(blocking(kernel), 0n);
  });

  for (const [title, code] of [
    ['STI', 'fb'],
    ['CLI', 'fa'],
  ] as const) {
    for (const [level, ioPrivilege, outcome] of [
      [3, 0, 'vector 13 (0x0)'],
      [3, 3, 'budget'],
      [0, 0, 'budget'],
    ] as const) {
      it(`${title} at CPL ${level} with IOPL ${ioPrivilege}: ${outcome}`, () => {
        const kernel = GuestKernel.again();
        kernel.enter(level, machineCode(`${code} 90`));
        kernel.state.rflags = (ioPrivilege << 12) | 2;
        assert.equal(kernel.outcome(), outcome);
      });
    }
  }
});
