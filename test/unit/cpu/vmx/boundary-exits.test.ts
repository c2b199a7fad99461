// VM exits between two instructions: VMX-preemption timer, monitor trap flag, TPR threshold; and PAUSE loops.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { preemptionTimerRate } from '../../../../debug-adapter/spec/x86/vmx-controls';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const secondaryActive = 0x80000000;
const trapFlag = 1 << 27;
const tprShadow = 1 << 21;
const pauseLoop = 1 << 10;
const activateTimer = 1n << 6n;
const saveTimer = 1n << 22n;
const countNs = 2 ** preemptionTimerRate;
const codeStart = BigInt(layout.kernelCode);

function prepare(code: string, primary = 0, secondary = 0): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.enter(0, machineCode(code));
  const first = (primary | (secondary === 0 ? 0 : secondaryActive)) >>> 0;
  kernel.setField('CPU_BASED_VM_EXEC_CONTROL', BigInt(first));
  kernel.setField('SECONDARY_VM_EXEC_CONTROL', BigInt(secondary));
  kernel.setField('PIN_BASED_VM_EXEC_CONTROL', 0n);
  return kernel;
}

/** Runs on from an exit, or from wherever it is. */
function run(kernel: GuestKernel, budget: number, timeNs: number): [string, number] {
  kernel.state.writeU32(stateOffsets.exitPending, 0);
  const { stop, steps } = kernel.core.run(budget, timeNs);
  const text = stop.kind === 'vm-exit' ? `exit ${kernel.field('VM_EXIT_REASON')}` : stop.kind;
  return [text, steps];
}

const loop = 'eb fe';

describe('VMX-preemption timer (SDM vol. 3, 26.5.1)', () => {
  function timed(value: number, exitControls = 0n): GuestKernel {
    const kernel = prepare(loop);
    kernel.setField('PIN_BASED_VM_EXEC_CONTROL', activateTimer);
    kernel.setField('VM_EXIT_CONTROLS', exitControls);
    kernel.setField('VMX_PREEMPTION_TIMER_VALUE', BigInt(value));
    return kernel;
  }

  it('exits when as many bits of the TSC have changed, however the run is sliced', () => {
    for (const slice of [1, 7, 1000]) {
      const kernel = timed(3);
      let timeNs = 40;
      let text = 'budget';
      while (text === 'budget') {
        const [outcome, steps] = run(kernel, slice, timeNs);
        timeNs += steps;
        text = outcome;
      }
      assert.equal(text, 'exit 52', `slices of ${slice}`);
      // 40 lies in the second count, so zero is met at the beginning of the fifth; the exit is a step itself.
      assert.equal(timeNs, 4 * countNs + 1, `slices of ${slice}`);
      assert.equal(kernel.field('EXIT_QUALIFICATION'), 0n);
      assert.equal(kernel.state.rip, codeStart);
      assert.equal(kernel.field('VMX_PREEMPTION_TIMER_VALUE'), 3n, 'loaded again by each entry');
    }
  });

  it('exits before the first instruction where the value is 0', () => {
    assert.deepEqual(run(timed(0), 10, 0), ['exit 52', 1]);
  });

  it('does not count while the control is clear', () => {
    const kernel = timed(0);
    kernel.setField('PIN_BASED_VM_EXEC_CONTROL', 0n);
    assert.deepEqual(run(kernel, 1000, 0), ['budget', 1000]);
  });

  it('saves what is left with every exit, where a control says so', () => {
    const kernel = timed(10, saveTimer);
    kernel.memory.write(layout.kernelCode, machineCode('0f a2'));
    assert.deepEqual(run(kernel, 10, 5 * countNs), ['exit 10', 1]);
    assert.equal(kernel.field('VMX_PREEMPTION_TIMER_VALUE'), 10n);
    kernel.memory.write(layout.kernelCode, machineCode(loop));
    assert.deepEqual(run(kernel, 4 * countNs, 0), ['budget', 4 * countNs]);
    kernel.memory.write(layout.kernelCode, machineCode('0f a2'));
    assert.deepEqual(run(kernel, 10, 4 * countNs), ['exit 10', 1]);
    assert.equal(kernel.field('VMX_PREEMPTION_TIMER_VALUE'), 6n);
  });
});

describe('VMX-preemption timer of a processor that is not active (SDM vol. 3, 26.5.1)', () => {
  const hlt = 1n;

  function halting(pinBased: bigint): GuestKernel {
    const kernel = prepare('f4 90');
    kernel.setField('PIN_BASED_VM_EXEC_CONTROL', pinBased);
    kernel.setField('VMX_PREEMPTION_TIMER_VALUE', 3n);
    return kernel;
  }

  it('counts on in the HLT state, and exits from there', () => {
    const kernel = halting(activateTimer);
    assert.deepEqual(run(kernel, 100, 40), ['inactive', 1]);
    assert.equal(kernel.core.restsUntilNs, 4 * countNs);
    assert.deepEqual(run(kernel, 100, 4 * countNs - 1), ['inactive', 0]);
    assert.deepEqual(run(kernel, 100, 4 * countNs), ['exit 52', 1]);
    assert.equal(kernel.field('GUEST_ACTIVITY_STATE'), hlt);
    assert.equal(kernel.state.rip, codeStart + 1n);
    // The next VM entry goes back into the HLT state, and the timer begins again.
    assert.deepEqual(run(kernel, 100, 10 * countNs), ['inactive', 0]);
    assert.equal(kernel.core.restsUntilNs, 13 * countNs);
  });

  it('does not wake without the control', () => {
    const kernel = halting(0n);
    assert.deepEqual(run(kernel, 100, 40), ['inactive', 1]);
    assert.equal(kernel.core.restsUntilNs, Infinity);
  });

  for (const [name, activity] of [
    ['shutdown', 2n],
    ['wait-for-SIPI', 3n],
  ] as const) {
    it(`does not count in the ${name} state`, () => {
      const kernel = halting(activateTimer);
      kernel.setField('GUEST_ACTIVITY_STATE', activity);
      assert.deepEqual(run(kernel, 100, 0), ['inactive', 0]);
      assert.equal(kernel.core.restsUntilNs, Infinity);
      assert.deepEqual(run(kernel, 100, 1000 * countNs), ['inactive', 0]);
    });
  }
});

describe('monitor trap flag (SDM vol. 3, 26.5.2)', () => {
  it('exits behind each instruction, however the run is sliced', () => {
    const kernel = prepare('90 90 90', trapFlag);
    assert.deepEqual(run(kernel, 10, 0), ['exit 37', 2]);
    assert.equal(kernel.state.rip, codeStart + 1n);
    assert.deepEqual(run(kernel, 1, 2), ['budget', 1]);
    assert.deepEqual(run(kernel, 1, 3), ['exit 37', 1]);
    assert.equal(kernel.state.rip, codeStart + 2n);
    assert.equal(kernel.field('EXIT_QUALIFICATION'), 0n);
  });

  it('exits behind the delivery of an exception, and before the handler', () => {
    const kernel = prepare('0f 0b', trapFlag);
    assert.deepEqual(run(kernel, 10, 0), ['event', 1]);
    assert.deepEqual(run(kernel, 10, 1), ['exit 37', 1]);
    assert.equal(kernel.state.rip, kernel.handler(6));
  });

  it('exits behind an injected event', () => {
    const kernel = prepare('90', trapFlag);
    kernel.setField('VM_ENTRY_INTR_INFO_FIELD', 0x80000040n);
    assert.deepEqual(run(kernel, 10, 0), ['event', 1]);
    assert.deepEqual(run(kernel, 10, 1), ['exit 37', 1]);
    assert.equal(kernel.state.rip, kernel.handler(0x40));
  });

  it('is not met by an instruction that exits itself', () => {
    const kernel = prepare('0f a2 90', trapFlag);
    assert.deepEqual(run(kernel, 10, 0), ['exit 10', 1]);
    kernel.state.writeU32(stateOffsets.exitPending, 0);
    kernel.core.completeInstruction();
    assert.deepEqual(run(kernel, 10, 1), ['exit 37', 2]);
    assert.equal(kernel.state.rip, codeStart + 3n);
  });

  it('comes once for each iteration of a repeated instruction', () => {
    const kernel = prepare('f3 aa', trapFlag);
    kernel.state.setGpr(1, 2n);
    kernel.state.setGpr(7, BigInt(layout.kernelData));
    assert.deepEqual(run(kernel, 10, 0), ['exit 37', 2]);
    assert.deepEqual([kernel.state.gpr(1), kernel.state.rip], [1n, codeStart]);
    assert.deepEqual(run(kernel, 10, 2), ['exit 37', 2]);
    assert.deepEqual([kernel.state.gpr(1), kernel.state.rip], [0n, codeStart + 2n]);
  });

  it('comes before a single-step trap, which stays pending', () => {
    const kernel = prepare('90', trapFlag);
    kernel.state.rflags = 0x102;
    assert.deepEqual(run(kernel, 10, 0), ['exit 37', 2]);
    assert.equal(kernel.field('GUEST_PENDING_DBG_EXCEPTIONS'), 0x4000n);
    assert.deepEqual(run(kernel, 10, 2), ['event', 1]);
  });
});

describe('TPR threshold (SDM vol. 3, 30.1.2)', () => {
  const moveToCr8 = '44 0f 22 c0 90';
  for (const [value, threshold, primary, expected] of [
    [2n, 3n, tprShadow, 'exit 43'],
    [3n, 3n, tprShadow, 'budget'],
    [2n, 3n, 0, 'budget'],
  ] as const) {
    it(`CR8 ${value}, threshold ${threshold}, shadow ${primary !== 0}: ${expected}`, () => {
      const kernel = prepare(moveToCr8, primary);
      kernel.setField('TPR_THRESHOLD', threshold);
      kernel.state.setGpr(0, value);
      assert.deepEqual(run(kernel, 2, 0), [expected, 2]);
      assert.equal(kernel.state.readU64(stateOffsets.cr8), value, 'the instruction is done');
      assert.equal(kernel.state.rip, codeStart + (expected === 'budget' ? 5n : 4n));
    });
  }
});

describe('PAUSE-loop exiting (SDM vol. 3, 26.1.3)', () => {
  // PAUSE and a jump back: two steps.
  const spin = 'f3 90 eb fc';
  function spinning(gap: number, window: number, secondary = pauseLoop): GuestKernel {
    const kernel = prepare(spin, 0, secondary);
    kernel.setField('PLE_GAP', BigInt(gap));
    kernel.setField('PLE_WINDOW', BigInt(window));
    return kernel;
  }

  it('exits once a loop lasts longer than the window, however the run is sliced', () => {
    for (const slice of [1, 5, 1000]) {
      const kernel = spinning(2, 20);
      let timeNs = 100;
      let text = 'budget';
      while (text === 'budget') {
        const [outcome, steps] = run(kernel, slice, timeNs);
        timeNs += steps;
        text = outcome;
      }
      assert.equal(text, 'exit 40');
      assert.equal(timeNs, 100 + 22 + 1, `slices of ${slice}`);
      assert.equal(kernel.state.rip, codeStart);
      assert.equal(kernel.field('VM_EXIT_INSTRUCTION_LEN'), 2n);
    }
  });

  it('a longer gap begins a new loop', () => {
    assert.deepEqual(run(spinning(1, 20), 1000, 0), ['budget', 1000]);
  });

  it('an exit begins a new loop', () => {
    const kernel = spinning(2, 20);
    assert.deepEqual(run(kernel, 1000, 0), ['exit 40', 23]);
    assert.deepEqual(run(kernel, 1000, 23), ['exit 40', 23]);
  });

  it('does nothing at CPL 3, and without the control', () => {
    assert.deepEqual(run(spinning(2, 20, 0), 1000, 0), ['budget', 1000]);
    const kernel = spinning(2, 20);
    kernel.enter(3, machineCode(spin));
    assert.deepEqual(run(kernel, 1000, 0), ['budget', 1000]);
  });
});
