/** Instruction cases recorded on a physical processor give what the hardware gave, interpreted and translated. */
import assert from 'node:assert/strict';
import { BareProcessor } from '../../support/bare-processor';
import {
  DataDevice,
  NativeCaseRunner,
  readNativeCases,
  type NativeCase,
} from '../../support/native-cases';
import { CaseReporter, totalOf, type CaseReport } from '../../support/native-report';

interface Recording {
  readonly title: string;
  readonly file: string;
  /** A file that lost some cases must not pass. */
  readonly count: number;
  /**
   * Cases whose instruction ended in translated code, at least. The others fault, cross a page, or are among what the
   * translator leaves to the interpreter.
   */
  readonly translatedMin: number;
}

const recordings: readonly Recording[] = [
  {
    title: '64-bit integer instructions',
    file: 'integer-64',
    count: 7144,
    translatedMin: 6600,
  },
  {
    title: '32-bit integer instructions in compatibility mode',
    file: 'integer-32',
    count: 1861,
    translatedMin: 1400,
  },
  {
    title: 'MMX, SSE and SSE2, MXCSR included',
    file: 'simd',
    count: 9625,
    translatedMin: 4900,
  },
  { title: 'x87, status and tags included', file: 'x87', count: 6820, translatedMin: 0 },
];

function casesOf(file: string): NativeCase[] {
  return readNativeCases(`test/native-cpu/${file}.jsonl.gz`);
}

function reportOf(cases: readonly NativeCase[]): CaseReport {
  const reporter = new CaseReporter();
  for (const test of cases) reporter.add(test);
  return reporter.report;
}

describe('cases recorded on hardware, interpreted and translated before they run', () => {
  for (const { title, file, count, translatedMin } of recordings) {
    it(title, () => {
      const { families, failures } = reportOf(casesOf(file));
      assert.deepEqual(failures, []);
      const { passed, translated } = totalOf(families);
      assert.equal(passed, count);
      assert.ok(translated >= translatedMin, `${translated} of ${count} ran translated`);
    }).timeout(300_000);
  }
});

/** Of the cases, one in so many: all of them would take half a minute. */
const sampled = 5;

describe('the same cases with their data in a device', () => {
  for (const { title, file } of recordings) {
    it(title, () => {
      const device = new DataDevice();
      const runner = new NativeCaseRunner(new BareProcessor(), device);
      const failures = casesOf(file)
        .filter((_, index) => index % sampled === 0)
        .flatMap((test) => {
          const differences = runner.run(test);
          return differences.map((text) => `#${test.id} ${test.text} [${test.code}]: ${text}`);
        });
      assert.deepEqual(failures, []);
      assert.ok(device.count > 200, `${device.count} accesses`);
    }).timeout(300_000);
  }
});

/** What an absent instruction means on a processor that is older than it (SDM vol. 2: LZCNT, TZCNT, ENDBR, PREFETCHW). */
const olderMeaning = /^(Lzcnt|Tzcnt|Endbr|Prefetch)/;

describe('one case of each instruction beyond what CPUID offers', () => {
  const cases = casesOf('beyond');
  const { families, failures } = reportOf(cases);

  it('gives what the hardware gave where CPUID offers it after all', () => {
    assert.equal(cases.length, 961);
    assert.deepEqual(failures, []);
  });

  it('raises #UD where it does not, unless it has an older meaning or is named as not built', () => {
    const { passed, notOffered, undefinedOpcode } = totalOf(families);
    const others = cases.filter(
      ({ iced, tags, cpuid }) =>
        !cpuid.some((feature) => feature.startsWith('PREFETCHITI')) &&
        (olderMeaning.test(iced) || (tags.includes('approx') && cpuid.includes('FPU'))),
    );
    assert.equal(passed + notOffered, cases.length);
    assert.ok(undefinedOpcode >= notOffered - others.length, `${undefinedOpcode} raise #UD`);
  });
});
