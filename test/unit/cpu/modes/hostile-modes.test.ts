// Whatever bytes code of 16 and 32 bits has, in whatever segments: nothing throws or hangs, and budgets are kept.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { codeAt, enterHostileMode, type HostileMode } from '../../../support/hostile-mode';
import { ModeMachine } from '../../../support/mode-machine';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const streams = 4_000;
const streamsEach = 20;
const streamBytes = 64;
const stepsEach = 12;
const prefixes = [
  0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x26, 0x36, 0x64, 0x0f, 0xff, 0xea, 0x9a, 0xcf,
];

function run(machine: ModeMachine, random: SeededRandom, kind: HostileMode): string {
  const { state, processor } = machine;
  const bytes = random.bytes(streamBytes);
  for (let at = 0; at < streamBytes; at += 1 + random.below(10)) bytes[at] = random.pick(prefixes);
  const base = Number(machine.field('GUEST_CS_BASE'));
  const offset = random.chance(10) ? 0xffff - random.below(streamBytes) : codeAt;
  processor.memory.write(base + offset, bytes);
  for (let index = 0; index < 8; index++) {
    state.setGpr(index, BigInt(random.chance(70) ? random.below(0x10000) : random.next()));
  }
  state.rip = BigInt(offset);
  state.rflags = (random.next() & 0x7cd5 & ~0x4000) | (kind === 'virtual' ? 0x20002 : 2);
  state.writeU32(stateOffsets.exitPending, 0);
  processor.core.stateWasEdited();
  const { stop, steps } = processor.core.run(stepsEach, 0);
  assert.ok(steps <= stepsEach, `${steps} steps`);
  return stop.kind;
}

describe('hostile bytes outside 64-bit mode', () => {
  const seed = seedOf(86);

  for (const kind of ['real', 'virtual', 'flat', 'segmented'] as const) {
    it(`${streams} streams of ${kind} code, seed ${seed}`, () => {
      const random = new SeededRandom(seed);
      const machine = new ModeMachine();
      const kinds = new Set<string>();
      for (let index = 0; index < streams; index++) {
        if (index % streamsEach === 0) {
          machine.set('GUEST_CR4', 0n);
          machine.set('GUEST_DR7', 0x400n);
          enterHostileMode(machine, random, kind);
        }
        kinds.add(run(machine, random, kind));
      }
      const known = ['budget', 'event', 'inactive', 'unimplemented', 'vm-exit'];
      assert.deepEqual(
        [...kinds].filter((each) => !known.includes(each)),
        [],
      );
    }).timeout(60_000);
  }
});
