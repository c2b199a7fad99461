// How often a place is jumped to until it is translated.
import assert from 'node:assert/strict';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';

const page = 0x1000_0000n;
const gpa = 0x10_0000;
const pageBytes = 4096;
/** LOOP: inc eax; jmp LOOP. */
const loop = machineCode('ff c0 eb fc');
const stepsOfTurn = 2;
const promptModules = 8;
/** More than what waits for others does. */
const waitSteps = 400_000;

/** Pages that have one endless loop each. */
class Loops {
  private readonly processor = new BareProcessor({ hotCount: 'usual' });
  private position = 0;

  constructor(count: number) {
    for (let index = 0; index < count; index++) {
      this.processor.map(page + BigInt(index * pageBytes), gpa + index * pageBytes);
      this.processor.memory.write(gpa + index * pageBytes, loop);
    }
  }

  /** Goes round in a loop. @returns whether translated code took steps */
  run(index: number, steps: number): boolean {
    const { processor } = this;
    const before = processor.translatedSteps;
    processor.state.rip = page + BigInt(index * pageBytes);
    processor.core.run(steps, this.position);
    this.position += steps;
    return processor.translatedSteps !== before;
  }
}

describe('hot places', () => {
  it('are translated soon at first, and ten times later when there are some', () => {
    const loops = new Loops(promptModules + 1);
    for (let index = 0; index < promptModules; index++) {
      assert.equal(loops.run(index, 2900 * stepsOfTurn), false, `loop ${index} is not yet hot`);
      loops.run(index, 200 * stepsOfTurn);
      assert.equal(loops.run(index, waitSteps), true, `loop ${index} is hot`);
    }
    assert.equal(loops.run(promptModules, 29_000 * stepsOfTurn), false, 'not as soon as the first');
    loops.run(promptModules, 2000 * stepsOfTurn);
    assert.equal(loops.run(promptModules, waitSteps), true);
  });
});
