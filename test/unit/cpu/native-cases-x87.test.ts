/** Every x87 case recorded on a physical processor gives what the hardware gave, status and tags included. */
import assert from 'node:assert/strict';
import { NativeCaseRunner, readNativeCases, type NativeCase } from '../../support/native-cases';

const cases = readNativeCases('test/native-cpu/x87.jsonl.gz');

function byFamily(): Map<string, NativeCase[]> {
  const families = new Map<string, NativeCase[]>();
  for (const test of cases) {
    const family = test.iced.split('_')[0] ?? test.iced;
    families.set(family, [...(families.get(family) ?? []), test]);
  }
  return families;
}

describe('cases recorded on hardware, x87', () => {
  const runner = new NativeCaseRunner();

  it('are all there', () => assert.equal(cases.length, 6820));

  for (const [family, members] of byFamily()) {
    it(`${family}: ${members.length}`, () => {
      const failures = members.flatMap((test) => {
        const differences = runner.run(test);
        return differences.length === 0
          ? []
          : [`#${test.id} ${test.text} [${test.code}]: ${differences.join('; ')}`];
      });
      assert.deepEqual(failures, []);
    });
  }
});
