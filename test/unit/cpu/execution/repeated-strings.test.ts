// REP MOVS and REP STOS do many iterations at once where they can: it must not show (decision 1: one step each).
import assert from 'node:assert/strict';
import type { ProcessorRun } from '../../../../debug-adapter/machine/processor';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { StateHash } from '../../../../debug-adapter/support/state-hash';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const code = { linear: 0x1000_0000n, gpa: 0x100_000 };
const data = { linear: 0x2000_0000n, gpa: 0x110_000, pages: 6 };
/** The same pages again, so that two linear addresses mean one frame. */
const alias = 0x3000_0000n;
/** Offset 0xffffff80 lies in the data, and offset 0 far below. */
const wrappingBase = BigInt.asUintN(64, data.linear + 0x480n - (1n << 32n));
const readOnlyPage = 4;
/** Outside the second-level map: a device. */
const devicePage = 5;
const deviceGpa = 0x4000_0000;
/** Steps beyond the iterations: the instruction is followed by a jump to itself. */
const stepsBehind = 3;

interface Case {
  readonly instruction: string;
  readonly name: string;
  readonly rdi: bigint;
  readonly rsi: bigint;
  readonly rcx: bigint;
  readonly rax: bigint;
  readonly isDescending: boolean;
  readonly watched: bigint | undefined;
  readonly fsBase: bigint;
  /** RF is set, as after a page fault that the instruction goes on from. */
  readonly isResumed: boolean;
}

const instructions: readonly (readonly [string, string])[] = [
  ['rep movsb', 'f3 a4'],
  ['rep movsw', '66 f3 a5'],
  ['rep movsd', 'f3 a5'],
  ['rep movsq', 'f3 48 a5'],
  ['rep stosb', 'f3 aa'],
  ['rep stosw', '66 f3 ab'],
  ['rep stosd', 'f3 ab'],
  ['rep stosq', 'f3 48 ab'],
  ['rep movsb, addr32', '67 f3 a4'],
  ['rep movsq fs:', '64 f3 48 a5'],
  ['rep movsb fs:, addr32', '64 67 f3 a4'],
];

function randomCase(random: SeededRandom): Case {
  const [name, instruction] = random.pick(instructions);
  const place = (): bigint => {
    const base = random.pick([data.linear, data.linear, alias]);
    const page = random.below(random.chance(85) ? readOnlyPage : data.pages);
    const offset = random.chance(40) ? 4096 - random.below(40) : random.below(4096);
    return base + BigInt(page * 4096 + offset);
  };
  const rdi = random.chance(6) ? code.linear - BigInt(random.below(300)) : place();
  const near = random.chance(30);
  // Offsets of 32 bits wrap to 0 in the middle of a linear page.
  const wraps = name === 'rep movsb fs:, addr32' && random.chance(50);
  return {
    name,
    instruction,
    rdi,
    rsi: wraps ? 0xffff_ff80n : near ? rdi + BigInt(random.below(130) - 65) : place(),
    rcx: BigInt(random.below(random.chance(30) ? 6000 : 300)),
    rax: random.pick([0n, 0x4141_4141_4141_4141n, 0x0123_4567_89ab_cdefn]),
    isDescending: random.chance(30),
    watched: random.chance(15) ? place() : undefined,
    fsBase: wraps ? wrappingBase : random.pick([0n, 0x1000n, 0x7fffn, 0xffff_f000n, 0xf123_0456n]),
    isResumed: random.chance(30),
  };
}

/** A processor made as it was before each case. */
class Bench {
  private readonly processor: BareProcessor;
  private readonly initial: Uint8Array;
  private readonly memory;

  constructor(tlbEntries: number, hotCount: number) {
    const processor = new BareProcessor({ tlbEntries, hotCount });
    this.processor = processor;
    processor.map(code.linear - 0x1000n, code.gpa - 0x1000);
    processor.map(code.linear, code.gpa);
    for (let page = 0; page < data.pages; page++) {
      const gpa = page === devicePage ? deviceGpa : data.gpa + page * 4096;
      const rights = { writable: page !== readOnlyPage };
      for (const base of [data.linear, alias]) {
        processor.map(base + BigInt(page * 4096), gpa, rights);
      }
    }
    const random = new SeededRandom(1);
    processor.memory.write(data.gpa, random.bytes(4096 * devicePage));
    processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    this.initial = processor.state.architecturalBytes.slice();
    this.memory = processor.memory.save();
  }

  /** Everything that can be observed after the case was run in pieces of `budget` steps. */
  run(test: Case, budget: () => number): readonly string[] {
    const { processor } = this;
    const { state, core } = processor;
    assert.ok(processor.memory.restore(this.memory));
    state.architecturalBytes.set(this.initial);
    processor.memory.write(code.gpa, machineCode(`${test.instruction} 90 eb fe`));
    state.setGpr(0, test.rax);
    state.setGpr(1, test.rcx);
    state.setGpr(6, test.rsi);
    state.setGpr(7, test.rdi);
    state.rflags = (test.isDescending ? 0x402 : 2) | (test.isResumed ? 0x10000 : 0);
    state.rip = code.linear;
    processor.setField('GUEST_FS_BASE', test.fsBase);
    if (test.watched !== undefined) {
      state.writeU64(stateOffsets.dr, test.watched);
      processor.setField('GUEST_DR7', 0x30002n);
    }
    core.stateWasEdited();
    let steps = 0;
    let last: ProcessorRun | undefined;
    while (steps < stepsBehind + Number(test.rcx)) {
      last = core.run(Math.min(budget(), stepsBehind + Number(test.rcx) - steps), steps);
      steps += last.steps;
      if (last.stop.kind !== 'budget') break;
    }
    return [last?.stop.kind ?? 'none', String(steps), ...this.observed()];
  }

  private observed(): string[] {
    const { state, memory } = this.processor;
    const hash = new StateHash().update(state.architecturalBytes);
    for (const [page] of memory.touchedPages()) {
      hash.update(memory.read(page * 4096, 4096) ?? new Uint8Array());
    }
    return [1, 6, 7].map((register) => state.gpr(register).toString(16)).concat(hash.digest());
  }
}

describe('repeated string instructions (SDM vol. 2, REP)', () => {
  const seed = seedOf(20261128);
  const cases = 200;

  it(`${cases} random ones do the same in any pieces, seed ${seed}`, () => {
    const benches = [new Bench(64, 0), new Bench(4096, 0), new Bench(4096, 1)] as const;
    const [small] = benches;
    const ends = new Map<string, number>();
    for (let index = 0; index < cases; index++) {
      const random = new SeededRandom(seed + index);
      const test = randomCase(random);
      const expected = small.run(test, () => 1);
      ends.set(expected[0] ?? '', (ends.get(expected[0] ?? '') ?? 0) + 1);
      for (const bench of benches) {
        for (const budget of [() => Infinity, () => 1 + random.below(40)]) {
          const message = `HYPERSCOPE_TEST_SEED=${seed + index}: ${test.name}`;
          assert.deepEqual(bench.run(test, budget), expected, message);
        }
      }
    }
    assert.ok((ends.get('budget') ?? 0) > cases / 2, JSON.stringify([...ends]));
    assert.ok((ends.get('vm-exit') ?? 0) > cases / 20, JSON.stringify([...ends]));
  }).timeout(120_000);
});
