/** Instruction cases recorded on a physical processor give what the hardware gave, interpreted and translated. */
import assert from 'node:assert/strict';
import { BareProcessor } from '../../support/bare-processor';
import { NativeCaseRunner, readNativeCases, type NativeCase } from '../../support/native-cases';

/** File, and the cases in it: a file that lost some must not pass. */
const recordings = [
  { title: '64-bit integer instructions', file: 'integer-64', count: 7144 },
  { title: '32-bit integer instructions in compatibility mode', file: 'integer-32', count: 1861 },
  { title: 'MMX, SSE and SSE2, MXCSR included', file: 'simd', count: 9625 },
  { title: 'x87, status and tags included', file: 'x87', count: 6820 },
] as const;

function casesOf(file: string): NativeCase[] {
  return readNativeCases(`test/native-cpu/${file}.jsonl.gz`);
}

function byFamily(cases: readonly NativeCase[]): Map<string, NativeCase[]> {
  const families = new Map<string, NativeCase[]>();
  for (const test of cases) {
    const family = test.iced.split('_')[0] ?? test.iced;
    families.set(family, [...(families.get(family) ?? []), test]);
  }
  return families;
}

function failureOf(runner: NativeCaseRunner, test: NativeCase): string[] {
  const differences = runner.run(test);
  if (differences.length === 0) return [];
  return [`#${test.id} ${test.text} [${test.code}]: ${differences.join('; ')}`];
}

for (const { title, file, count } of recordings) {
  describe(`cases recorded on hardware: ${title}`, () => {
    const runner = new NativeCaseRunner();
    const cases = casesOf(file);

    it('are all there', () => assert.equal(cases.length, count));

    for (const [family, members] of byFamily(cases)) {
      it(`${family}: ${members.length}`, () => {
        assert.deepEqual(
          members.flatMap((test) => failureOf(runner, test)),
          [],
        );
      });
    }
  });
}

describe('cases recorded on hardware, translated before they run', () => {
  for (const file of ['integer-64', 'integer-32']) {
    it(`${file}: give what the hardware gave`, () => {
      const processor = new BareProcessor({ hotCount: 1 });
      const runner = new NativeCaseRunner(processor);
      const cases = casesOf(file);
      let translated = 0;
      const failures = cases.flatMap((test) => {
        const before = processor.translatedSteps;
        const failure = failureOf(runner, test);
        if (processor.translatedSteps !== before) translated++;
        return failure;
      });
      assert.deepEqual(failures, []);
      // The others fault, or are left to the interpreter: repeated, rare, or at a page that is not there yet.
      assert.ok(translated > cases.length / 2, `${translated} of ${cases.length} ran translated`);
    }).timeout(60_000);
  }
});
