/** Replay: inputs at their positions, divergence noticed, ends that cannot be reached said. */
import assert from 'node:assert/strict';
import type { RecordedInput } from '../../../debug-adapter/machine/host-input';
import { InvariantError } from '../../../debug-adapter/support/assert';
import { UserError } from '../../../debug-adapter/support/user-error';
import type { RunOutcome, RunStop } from '../../../debug-adapter/system/run-types';
import { replay, type ReplayedMachine } from '../../../debug-adapter/timeline/replayer';

const at = { partition: 2, processor: 0 };

/** A machine that takes one nanosecond a step and stops where told. */
class SteppingMachine implements ReplayedMachine {
  position = 0;
  passed = 0;
  readonly accepted: number[] = [];
  readonly guests = [{ processors: [{ core: { passBreakpointOnce: () => void this.passed++ } }] }];

  constructor(
    private readonly stops: ReadonlyMap<number, RunStop> = new Map(),
    private readonly end = Infinity,
  ) {}

  get timeNs(): number {
    return this.position;
  }

  run({ maxSteps }: { readonly maxSteps: number }): RunOutcome {
    for (let steps = 0; ; steps++) {
      const stop = this.stops.get(this.position);
      if (stop !== undefined && (steps > 0 || this.passed === 0)) return { stop, steps };
      if (this.position >= this.end) return { stop: { kind: 'halted', at }, steps };
      if (steps === maxSteps) return { stop: { kind: 'budget' }, steps };
      this.position++;
    }
  }

  accept(): void {
    this.accepted.push(this.position++);
  }
}

function inputAt(position: number, timeNs = position): RecordedInput {
  return { position, timeNs, input: { kind: 'edit-rip', ...at, value: 0n } };
}

describe('replay', () => {
  it('accepts each input at its position, and none behind the target', () => {
    const machine = new SteppingMachine();
    replay(machine, [inputAt(0), inputAt(5), inputAt(6), inputAt(20)], 12);
    assert.deepEqual([machine.accepted, machine.position], [[0, 5, 6], 12]);
  });

  it('leaves out what lies before the start', () => {
    const machine = new SteppingMachine();
    machine.position = 6;
    replay(machine, [inputAt(0), inputAt(5), inputAt(7)], 10);
    assert.deepEqual(machine.accepted, [7]);
  });

  it('passes breakpoints', () => {
    const machine = new SteppingMachine(new Map([[4, { kind: 'breakpoint', at, address: 0n }]]));
    replay(machine, [], 9);
    assert.deepEqual([machine.position, machine.passed], [9, 1]);
  });

  it('notices that the past does not repeat', () => {
    assert.throws(() => replay(new SteppingMachine(), [inputAt(5, 99)], 9), InvariantError);
  });

  it('says that a target cannot be reached', () => {
    const machine = new SteppingMachine(new Map(), 7);
    assert.throws(() => replay(machine, [], 9), UserError);
    assert.equal(machine.position, 7);
  });
});
