// Loops over memory: translated code remembers the pages of their operands, and which loop lies in which must not show.
import assert from 'node:assert/strict';
import { StateHash } from '../../../../debug-adapter/support/state-hash';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const code = { linear: 0x1000_0000n, gpa: 0x100_000 };
const data = { linear: 0x2000_0000n, gpa: 0x110_000, pages: 8 };
const lastLinear = 2n ** 64n - 4096n;
/** No page there: neither a pointer that becomes 0 nor one that is not canonical finds an old translation. */
const strangePlaces = [
  0n,
  0xff0n,
  2n ** 47n - 0x20n,
  2n ** 47n,
  2n ** 63n,
  2n ** 63n + 8n,
] as const;
const readOnlyPage = 5;
const steps = 3000;
const registers = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rsi: 6, rdi: 7 } as const;

/** RSI and RDI go on by RDX and RBX; ECX counts, and EAX counts the inner loop where there is one. */
const loops: readonly (readonly [string, string])[] = [
  ['copies bytes', '8a 06 88 07 48 01 d6 48 01 df ff c9 75 f2 eb fe'],
  ['copies eight bytes', '48 8b 06 48 89 07 48 01 d6 48 01 df ff c9 75 f0 eb fe'],
  ['adds to memory', '03 06 01 07 48 01 d6 48 01 df ff c9 75 f2 eb fe'],
  ['copies sixteen bytes', 'f3 0f 6f 06 f3 0f 7f 07 48 01 d6 48 01 df ff c9 75 ee eb fe'],
  // OUTER: mov eax, 3; INNER: mov r8, [rsi]; add [rdi], r8; add rdi, rbx; dec eax; jnz INNER; add rsi, rdx; dec ecx; jnz OUTER
  [
    'has a loop inside',
    'b8 03 00 00 00 4c 8b 06 4c 01 07 48 01 df ff c8 75 f3 48 01 d6 ff c9 75 e7 eb fe',
  ],
  // LATCH: add rsi, rdx; HEAD: mov eax, [rsi]; test al, 1; jz LATCH; INNER: mov [rdi], eax; add rdi, rbx; dec ecx; jz END;
  // shr eax, 1; jnz INNER; jmp LATCH
  [
    'goes round in two ways and has a loop inside',
    '48 01 d6 8b 06 a8 01 74 f7 89 07 48 01 df ff c9 74 06 d1 e8 75 f3 eb e8 eb fe',
  ],
  // push [rsi]; pop [rdi]; add rsi, rdx; add rdi, rbx; dec ecx; jnz
  ['pushes and pops', 'ff 36 8f 07 48 01 d6 48 01 df ff c9 75 f2 eb fe'],
];

interface Case {
  readonly name: string;
  readonly bytes: string;
  readonly values: Readonly<Record<keyof typeof registers, bigint>>;
}

function randomCase(random: SeededRandom): Case {
  const [name, bytes] = random.pick(loops);
  const place = (): bigint => {
    if (random.chance(6)) return random.pick(strangePlaces);
    if (random.chance(5)) return lastLinear + BigInt(4096 - random.below(64));
    const offset = random.chance(40) ? 4096 - random.below(40) : random.below(4096);
    return data.linear + BigInt(random.below(data.pages) * 4096 + offset);
  };
  const stride = (): bigint => {
    const size = random.pick([1, 4, 8, 16, 24, 1000, 4096, 5001]);
    return BigInt.asUintN(64, BigInt(random.chance(25) ? -size : size));
  };
  const rsi = place();
  const values = {
    rax: 0n,
    rcx: BigInt(1 + random.below(random.chance(50) ? 40 : 400)),
    rdx: stride(),
    rbx: stride(),
    rsp: place(),
    rsi,
    rdi: random.chance(20) ? rsi + BigInt(random.below(40)) : place(),
  };
  return { name, bytes, values };
}

/** A processor made as it was before each case. */
class Bench {
  readonly processor: BareProcessor;
  private readonly initial: Uint8Array;
  private readonly memory;

  constructor(tlbEntries: number, hotCount: number) {
    const processor = new BareProcessor({ tlbEntries, hotCount });
    this.processor = processor;
    processor.map(code.linear, code.gpa);
    for (let page = 0; page < data.pages; page++) {
      const rights = { writable: page !== readOnlyPage };
      processor.map(data.linear + BigInt(page * 4096), data.gpa + page * 4096, rights);
    }
    processor.map(lastLinear, data.gpa);
    processor.memory.write(data.gpa, new SeededRandom(1).bytes(4096 * data.pages));
    processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    this.initial = processor.state.architecturalBytes.slice();
    this.memory = processor.memory.save();
  }

  /** Everything that can be observed after the case was run in pieces of `budget` steps. */
  run({ bytes, values }: Case, budget: () => number): readonly string[] {
    const { state, core, memory } = this.processor;
    assert.ok(memory.restore(this.memory));
    state.architecturalBytes.set(this.initial);
    memory.write(code.gpa, machineCode(bytes));
    for (const [name, index] of Object.entries(registers)) {
      state.setGpr(index, values[name as keyof typeof registers]);
    }
    state.rip = code.linear;
    core.stateWasEdited();
    let done = 0;
    let end = 'budget';
    while (done < steps && end === 'budget') {
      const run = core.run(Math.min(budget(), steps - done), done);
      done += run.steps;
      end = run.stop.kind;
    }
    const hash = new StateHash().update(state.architecturalBytes);
    for (const [page] of memory.touchedPages()) {
      hash.update(memory.read(page * 4096, 4096) ?? new Uint8Array());
    }
    const shown = Object.values(registers).map((index) => state.gpr(index).toString(16));
    return [end, String(done), state.rip.toString(16), ...shown, hash.digest()];
  }
}

describe('loops through memory in translated code (decisions 6 and 68)', () => {
  const seed = seedOf(20261128);
  const cases = 400;

  it(`${cases} random ones do the same in any pieces, seed ${seed}`, () => {
    const single = new Bench(64, 0);
    const benches = [new Bench(64, 1), new Bench(4096, 1)] as const;
    const ends = new Map<string, number>();
    for (let index = 0; index < cases; index++) {
      const random = new SeededRandom(seed + index);
      const test = randomCase(random);
      const expected = single.run(test, () => 1);
      ends.set(expected[0] ?? '', (ends.get(expected[0] ?? '') ?? 0) + 1);
      for (const bench of benches) {
        for (const budget of [() => Infinity, () => 1 + random.below(200)]) {
          const message = `HYPERSCOPE_TEST_SEED=${seed + index}: ${test.name}`;
          assert.deepEqual(bench.run(test, budget), expected, message);
        }
      }
    }
    assert.ok((ends.get('budget') ?? 0) > cases / 5, JSON.stringify([...ends]));
    assert.ok((ends.get('vm-exit') ?? 0) > cases / 10, JSON.stringify([...ends]));
    const [, translated] = benches;
    const { translatedSteps } = translated.processor;
    assert.ok(translatedSteps > cases * 50, `${translatedSteps} translated steps`);
  }).timeout(120_000);
});
