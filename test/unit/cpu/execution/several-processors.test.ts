// Processors of one partition share memory and code: what one does the others see at their next step, on every engine.
import assert from 'node:assert/strict';
import { present } from '../../../../debug-adapter/support/assert';
import { BareProcessor } from '../../../support/bare-processor';
import { littleEndian, machineCode } from '../../../support/machine-code';
import { ProgramLab, type Manner, type Turn } from '../../../support/program-lab';
import { randomProgram } from '../../../support/random-program';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const whole: Manner = { budget: (left) => left };
const single: Manner = { budget: () => 1 };

function randomTurns(random: SeededRandom, processors: number, steps: number): Turn[] {
  const turns: Turn[] = [];
  for (let taken = 0; taken < steps;) {
    const turn = { processor: random.below(processors), steps: 1 + random.below(60) };
    turns.push(turn);
    taken += turn.steps;
  }
  return turns;
}

describe('random programs on several processors (decisions 2, 3 and 12)', () => {
  const seed = seedOf(20261129);
  for (const [processors, programs, steps] of [
    [3, 30, 900],
    [64, 6, 6000],
  ] as const) {
    it(`${programs} programs on ${processors} processors, seed ${seed}`, () => {
      const interpreter = new ProgramLab(4096, 0, processors);
      const others = [
        ['single steps, small TLB', new ProgramLab(64, 0, processors), single],
        ['translated', new ProgramLab(4096, 1, processors), whole],
        ['translated, small TLB', new ProgramLab(64, 1, processors), whole],
      ] as const;
      let events = 0;
      for (let index = 0; index < programs; index++) {
        const random = new SeededRandom(seed + index);
        const program = randomProgram(random);
        const turns = randomTurns(random, processors, steps);
        const expected = interpreter.runTogether(program, turns, whole);
        events += expected.events.length;
        for (const [title, lab, manner] of others) {
          const message = `HYPERSCOPE_TEST_SEED=${seed + index}: ${title}`;
          assert.deepEqual(lab.runTogether(program, turns, manner), expected, message);
        }
      }
      assert.ok(events > programs * processors, `${events} events`);
    }).timeout(120_000);
  }
});

const code = { linear: 0x1000_0000n, gpa: 0x100_000 };
const data = { linear: 0x2000_0000n, gpa: 0x110_000, otherGpa: 0x120_000 };

function machine(processorCount: number, hotCount: number): BareProcessor {
  const made = new BareProcessor({ processorCount, hotCount });
  made.map(code.linear, code.gpa);
  made.map(data.linear, data.gpa);
  for (const core of made.cores) {
    core.state.rip = code.linear;
    core.state.setGpr(3, data.linear);
  }
  return made;
}

/** Gives processors in turn a few steps each until all stand at the end. */
function runRandomly(made: BareProcessor, random: SeededRandom, end: bigint): void {
  const going = new Set(made.cores.keys());
  for (let turn = 0; going.size > 0; turn++) {
    assert.ok(turn < 200_000, 'the processors come to an end');
    const index = random.pick([...going]);
    const core = present(made.cores[index], 'processor');
    core.run(1 + random.below(40), 0);
    if (core.state.rip === end) going.delete(index);
  }
}

describe('64 processors', () => {
  const seed = seedOf(64);
  const rounds = 40;
  /** The count in ECX, an increment, and a way back; then the processor stays where it is. */
  const loops: readonly (readonly [string, string])[] = [
    ['LOCK INC', 'f0 48 ff 03'],
    ['LOCK ADD', 'f0 48 83 03 01'],
    ['LOCK XADD', 'ba 01 00 00 00 f0 48 0f c1 13'],
    ['LOCK SBB of a borrow', 'f9 f0 48 83 53 00 00'],
    // Load, add one, compare and exchange, again if another processor was faster.
    ['LOCK CMPXCHG', '48 8b 03 48 8d 50 01 f0 48 0f b1 13 75 f2'],
    ['LOCK CMPXCHG8B', '8b 03 8b 53 04 51 53 48 89 df 8d 58 01 31 c9 f0 0f c7 0f 5b 59 75 e9'],
    // A lock by XCHG around a plain increment.
    ['XCHG', 'b8 01 00 00 00 87 43 08 85 c0 75 f4 48 ff 03 c7 43 08 00 00 00 00'],
    ['LOCK BTS', 'f0 0f ba 6b 08 00 72 f8 48 ff 03 f0 0f ba 73 08 00'],
  ];
  for (const [name, body] of loops) {
    for (const [engine, hotCount] of [
      ['interpreted', 0],
      ['translated', 1],
    ] as const) {
      it(`${name} counts every round of every processor, ${engine}, seed ${seed}`, () => {
        const made = machine(64, hotCount);
        made.cores.forEach(({ state }, index) => {
          const page = data.linear + 0x1000n * BigInt(index + 1);
          made.map(page, data.gpa + 0x1000 * (index + 1));
          state.setGpr(4, page + 0x800n);
        });
        const length = machineCode(body).length;
        const count = `b9 ${littleEndian(rounds, 4)}`;
        const back = `ff c9 75 ${littleEndian(-(length + 4), 1)}`;
        made.memory.write(code.gpa, machineCode(`${count} ${body} ${back} eb fe`));
        const end = code.linear + BigInt(5 + length + 4);
        runRandomly(made, new SeededRandom(seed), end);
        assert.equal(made.readU64(data.gpa), BigInt(64 * rounds));
        assert.equal(made.translatedSteps > 0, hotCount === 1, 'the engine');
      }).timeout(60_000);
    }
  }

  for (const [engine, hotCount] of [
    ['interpreted', 0],
    ['translated', 1],
  ] as const) {
    it(`code that one processor writes is what the others execute next, ${engine}`, () => {
      const made = machine(64, hotCount);
      // INC ECX, again and again: until it says DEC ECX.
      made.memory.write(code.gpa, machineCode('ff c1 eb fc'));
      made.map(data.linear + 0x1000n, code.gpa);
      made.memory.write(code.gpa + 0x100, machineCode('c6 83 01 10 00 00 c9 eb fe'));
      const [writer, ...others] = made.cores;
      for (const { state } of made.cores) state.setGpr(1, 0n);
      for (const core of others) core.run(200, 0);
      assert.ok(others.every(({ state }) => state.gpr(1) === 100n));
      const first = present(writer, 'processor');
      first.state.rip = code.linear + 0x100n;
      first.run(1, 0);
      for (const core of others) core.run(100, 0);
      assert.deepEqual([...new Set(others.map(({ state }) => state.gpr(1)))], [50n]);
    });

    it(`a page that one processor maps elsewhere is elsewhere for all, ${engine}`, () => {
      const made = machine(64, hotCount);
      made.writeU64(data.gpa, 1n);
      made.writeU64(data.otherGpa, 2n);
      // MOV RAX,[RBX]; JMP back.
      made.memory.write(code.gpa, machineCode('48 8b 03 eb fb'));
      for (const core of made.cores) core.run(100, 0);
      assert.ok(made.cores.every(({ state }) => state.gpr(0) === 1n));
      made.map(data.linear, data.otherGpa);
      for (const core of made.cores) core.run(2, 0);
      assert.ok(made.cores.every(({ state }) => state.gpr(0) === 2n));
    });
  }
});
