/** The recorded hardware cases once more, each translated before it runs. */
import assert from 'node:assert/strict';
import { BareProcessor } from '../../support/bare-processor';
import { NativeCaseRunner, readNativeCases } from '../../support/native-cases';

describe('cases recorded on hardware, in translated code', () => {
  it('give what the hardware gave', () => {
    const processor = new BareProcessor({ hotCount: 1 });
    const runner = new NativeCaseRunner(processor);
    const cases = readNativeCases('test/native-cpu/integer-64.jsonl.gz');
    let translated = 0;
    const failures = cases.flatMap((test) => {
      const before = processor.translatedSteps;
      const differences = runner.run(test);
      if (processor.translatedSteps !== before) translated++;
      return differences.length === 0
        ? []
        : [`#${test.id} ${test.text} [${test.code}]: ${differences.join('; ')}`];
    });
    assert.deepEqual(failures, []);
    // The others fault, or are left to the interpreter: repeated, rare, or at a page that is not there yet.
    assert.ok(translated > cases.length / 2, `${translated} of ${cases.length} ran translated`);
  }).timeout(60_000);
});
