// Whatever bytes code of 16 and 32 bits has, in whatever segments: nothing throws or hangs, and budgets are kept.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { littleEndian } from '../../../support/machine-code';
import { descriptor, gate, ModeMachine, place } from '../../../support/mode-machine';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const streams = 4_000;
const streamsEach = 20;
const streamBytes = 64;
const stepsEach = 12;
const codeAt = 0x4000;
const prefixes = [
  0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x26, 0x36, 0x64, 0x0f, 0xff, 0xea, 0x9a, 0xcf,
];
const segments = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const;

type Kind = 'real' | 'virtual' | 'flat' | 'segmented';

/** Descriptors of every type, and gates that lead to code. */
function randomTable(random: SeededRandom): bigint[] {
  return Array.from({ length: 16 }, (_, index) => {
    if (index < 4) return descriptor(0, 0xfffff, [0x9b, 0x93, 0xfb, 0xf3][index] ?? 0, 0xc);
    const access = random.below(256) | 0x80;
    if ((access & 0x10) === 0) return gate(8, codeAt, access, random.below(32));
    return descriptor(
      random.below(0x10000),
      random.below(0x100000),
      access,
      random.below(16) & 0xd,
    );
  });
}

function prepare(machine: ModeMachine, random: SeededRandom, kind: Kind): void {
  machine.state.rflags = 2;
  machine.protect(randomTable(random));
  for (let vector = 0; vector < 32; vector++) {
    const type = random.pick([0x8e, 0xee, 0x86, 0xef, 0x85, 0x0e]);
    machine.write(
      place.interruptTable + vector * 8,
      littleEndian(gate(random.pick([8, 8, 8, 0x18, 0x28]), 0x5000, type), 8),
    );
  }
  machine.write(place.task + 4, littleEndian(0x9000, 4) + littleEndian(0x10, 4));
  if (kind === 'real') machine.set('GUEST_CR0', 0x30n);
  if (kind === 'flat') return;
  for (const name of segments) {
    const limit = random.pick([0xffff, 0xffffffff, random.below(0x10000), random.below(0x2000)]);
    const user = kind === 'virtual' ? 0x60 : 0;
    const type = name === 'CS' ? 0x9b : random.pick([0x93, 0x93, 0x91, 0x97, 0x9b, 0x10000]);
    const rights = (kind === 'segmented' ? type : 0x93) | user | random.pick([0, 0, 0x4000]);
    const direct = random.below(0x800);
    const real = kind !== 'segmented';
    machine.segment(
      name,
      real ? direct : 0x10,
      real ? BigInt(direct) << 4n : BigInt(random.below(0x1000)),
      kind === 'virtual' || name === 'CS' ? 0xffff : limit,
      kind === 'virtual' ? 0xf3 : rights,
    );
  }
}

function run(machine: ModeMachine, random: SeededRandom, kind: Kind): string {
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
          prepare(machine, random, kind);
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
