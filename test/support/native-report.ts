/** Runs recorded cases on both engines and counts by family what passed, what failed and what is not offered. */
import { BareProcessor } from './bare-processor';
import { NativeCaseRunner, type NativeCase } from './native-cases';
import { isOffered } from './native-features';

/** How many cases of a family went which way; the first three add up to all of them. */
export interface FamilyCounts {
  cases: number;
  /** As the hardware, with the interpreter and with the translator. */
  passed: number;
  failed: number;
  /** Of a feature that CPUID does not offer, or of an instruction that stops the debugger by name. */
  notOffered: number;
  /** Of the passed ones, those whose instruction ended in translated code. */
  translated: number;
  /** Of the ones not offered, those that raise #UD, as an absent instruction does. */
  undefinedOpcode: number;
}

export interface CaseReport {
  readonly families: ReadonlyMap<string, FamilyCounts>;
  /** One line for each case that failed. */
  readonly failures: readonly string[];
}

const invalidOpcode = 6;

/** Family of a case: its instruction set; integer instructions also by mode. */
export function familyOf({ cpuid, bits, tags, iced }: NativeCase): string {
  if (cpuid.some((feature) => feature.startsWith('FPU'))) {
    if (cpuid.includes('SSE3')) return 'SSE3';
    return tags.includes('approx') ? 'x87 transcendental' : 'x87';
  }
  const [first = '', ...others] = cpuid;
  if (/^(INTEL\d+|X64|CMOV|CX8|CMPXCHG16B|MULTIBYTENOP|PAUSE|PREFETCHW|CLFSH)$/.test(first)) {
    return bits === 64 ? 'integer, 64-bit mode' : 'integer, compatibility mode';
  }
  if (/^VEX_/.test(iced) && others.length === 0) return first;
  return [first, ...others].join(' + ');
}

/** The engines that a report compares with the hardware, each with its own processor. */
export class CaseReporter {
  private readonly interpreter = new NativeCaseRunner();
  private readonly translator = new NativeCaseRunner(
    new BareProcessor({ hotCount: 1, changesOfUnstablePage: Infinity }),
  );
  private readonly families = new Map<string, FamilyCounts>();
  private readonly failures: string[] = [];

  get report(): CaseReport {
    return { families: this.families, failures: this.failures };
  }

  /** Runs a case, and counts it. */
  add(test: NativeCase): void {
    const counts = this.countsOf(familyOf(test));
    counts.cases++;
    if (!isOffered(test.cpuid)) {
      counts.notOffered++;
      const differences = this.interpreter.run({ ...test, f: { ...test.f, exc: invalidOpcode } });
      if (!differences.some((text) => text.startsWith('exception'))) counts.undefinedOpcode++;
      return;
    }
    const interpreted = this.interpreter.run(test);
    if (interpreted.includes('stopped with unimplemented')) {
      counts.notOffered++;
      return;
    }
    const { isTranslated, differences } = this.translate(test);
    const all = [
      ...interpreted.map((text) => `interpreted: ${text}`),
      ...differences.map((text) => `translated: ${text}`),
    ];
    if (all.length > 0) {
      counts.failed++;
      this.failures.push(`#${test.id} ${test.text} [${test.code}]: ${all.join('; ')}`);
      return;
    }
    counts.passed++;
    if (isTranslated) counts.translated++;
  }

  /** Twice: the first run fills the TLB, without which translated code leaves at its first access to memory. */
  private translate(test: NativeCase): {
    readonly isTranslated: boolean;
    readonly differences: readonly string[];
  } {
    const { translator } = this;
    const first = translator.run(test);
    const before = translator.processor.translatedSteps;
    const second = translator.run(test);
    const isTranslated = translator.processor.translatedSteps !== before;
    return { isTranslated, differences: [...first, ...second] };
  }

  private countsOf(family: string): FamilyCounts {
    let counts = this.families.get(family);
    if (counts === undefined) {
      const zero = { cases: 0, passed: 0, failed: 0, notOffered: 0 };
      counts = { ...zero, translated: 0, undefinedOpcode: 0 };
      this.families.set(family, counts);
    }
    return counts;
  }
}

/** Sum over all families. */
export function totalOf(families: ReadonlyMap<string, FamilyCounts>): FamilyCounts {
  const total = {
    cases: 0,
    passed: 0,
    failed: 0,
    notOffered: 0,
    translated: 0,
    undefinedOpcode: 0,
  };
  for (const counts of families.values()) {
    total.cases += counts.cases;
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.notOffered += counts.notOffered;
    total.translated += counts.translated;
    total.undefinedOpcode += counts.undefinedOpcode;
  }
  return total;
}
