// However a program is run (at once, step by step, in pieces, with breakpoints, with small TLBs), it does the same.
import assert from 'node:assert/strict';
import { dataTlbEntriesMax } from '../../../../debug-adapter/cpu/memory-map';
import { ProgramLab, type Manner } from '../../../support/program-lab';
import { places, randomProgram } from '../../../support/random-program';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const programs = 500;
/** Of these, so many are also translated, and run without caches: both take their time. */
const translatedPrograms = 60;
const stepsEach = 400;
const smallTlb = 64;
const largeTlb = dataTlbEntriesMax;

const whole: Manner = { budget: (left) => left };
const single: Manner = { budget: () => 1 };
const forgetful: Manner = { budget: () => 1, forgets: true };

function pieces(random: SeededRandom): Manner {
  return { budget: (left) => Math.min(left, 1 + random.below(random.chance(20) ? 60 : 7)) };
}

function withBreakpoints(random: SeededRandom): Manner {
  const addresses = Array.from({ length: 24 }, () =>
    BigInt(places.program + random.below(places.blocks * places.blockBytes)),
  );
  return { budget: pieces(random).budget, breakpoints: new Set(addresses) };
}

describe('equivalence of manners to run (decisions 2, 3 and 15)', () => {
  const seed = seedOf(20261122);
  const interpreter = new ProgramLab(largeTlb);
  const smallInterpreter = new ProgramLab(smallTlb);
  const translator = new ProgramLab(largeTlb, 1);
  const smallTranslator = new ProgramLab(smallTlb, 1);
  const lateTranslator = new ProgramLab(largeTlb, 3);

  const counts = { events: 0, faults: 0, steps: 0 };

  it(`${programs} random programs, seed ${seed}`, () => {
    for (let index = 0; index < programs; index++) {
      const random = new SeededRandom(seed + index);
      const program = randomProgram(random);
      const expected = interpreter.run(program, stepsEach, whole);
      counts.events += expected.events.length;
      counts.steps += expected.steps;
      const manners: (readonly [string, ProgramLab, Manner])[] = [
        ['at once, small TLB', smallInterpreter, whole],
        ['single steps', smallInterpreter, single],
        ['pieces', interpreter, pieces(random)],
        ['pieces with breakpoints', interpreter, withBreakpoints(random)],
      ];
      if (index < translatedPrograms) {
        manners.push(
          ['single steps, nothing cached', smallInterpreter, forgetful],
          ['translated at once', translator, whole],
          ['translated, small TLB', smallTranslator, whole],
          ['translated in pieces', lateTranslator, pieces(random)],
          ['translated with breakpoints', translator, withBreakpoints(random)],
        );
      }
      for (const [title, lab, manner] of manners) {
        const message = `HYPERSCOPE_TEST_SEED=${seed + index}: ${title}`;
        assert.deepEqual(lab.run(program, stepsEach, manner), expected, message);
      }
    }
  }).timeout(240_000);

  it('the programs do something', () => {
    assert.ok(counts.events > programs * 3, `${counts.events} events`);
    assert.ok(counts.steps > (programs * stepsEach) / 2, `${counts.steps} steps`);
    const translated = translator.translatedSteps;
    assert.ok(translated > translatedPrograms * 50, `${translated} translated steps`);
  });
});
