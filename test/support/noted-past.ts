// The states that a machine has been in, by position: time is gone back to them at random, and they have to be the same.
import assert from 'node:assert/strict';
import type { Timeline } from '../../debug-adapter/timeline/timeline';
import { SeededRandom } from './seeded-random';

const rounds = 16;

export class NotedPast {
  private readonly hashes = new Map<number, string>();

  constructor(private readonly machine: Timeline) {}

  note(): void {
    this.hashes.set(this.machine.position, this.machine.stateHash());
  }

  /** Takes so many steps, and notes where they have led. */
  run(steps: number): void {
    const { machine } = this;
    const end = machine.position + steps;
    while (machine.position < end) machine.run({ maxSteps: end - machine.position });
    this.note();
  }

  assertRepeats(seed: number): void {
    const { machine, hashes } = this;
    const random = new SeededRandom(seed);
    const positions = [...hashes.keys()];
    for (let round = 0; round < rounds; round++) {
      const position = positions[random.below(positions.length)] ?? 0;
      for (const turn = machine.travelTo(position); turn.next().done !== true;);
      assert.equal(machine.stateHash(), hashes.get(position), `at ${position}, seed ${seed}`);
    }
  }
}
