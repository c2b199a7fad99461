// The committed ratios of the translator to other engines, for each kind of machine; a check holds a run against them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../vscode-host/paths.mjs';
import type { Bits } from './kernel-run';
import { meanKernels, type Ratios } from './kernel-report';

export type SizeName = 'full' | 'quick';
/** Ratios by the guest's width and the other engine. */
export type Measured = Readonly<
  Partial<Record<Bits, Readonly<Record<string, Ratios | undefined>>>>
>;
/** By size of the run, then by the name of the processor: engines gain differently from another microarchitecture. */
type Committed = Partial<Record<SizeName, Readonly<Record<string, Measured>>>>;

const path = join(root, 'scripts/benchmark/results/ratios.json');
const shortfallMax = 0.15;
const checkedKernels = [...meanKernels, 'system'];

export const othersOf: Readonly<Record<Bits, readonly string[]>> = {
  64: ['interpreter', 'qemu'],
  32: ['interpreter', 'qemu', 'v86'],
};

export function machineName(): string {
  return cpus()[0]?.model ?? 'unknown';
}

function committed(): Committed {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

/** Leaves out digits that mean nothing. */
export function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

/** Replaces what is committed for this machine and this size of a run. */
export function writeRatios(size: SizeName, measured: Measured): void {
  const before = committed();
  const all = { ...before, [size]: { ...before[size], [machineName()]: measured } };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(all, rounded, 2)}\n`);
}

/** Named numbers of a run, in the order in which they are compared. */
function figures(found: Ratios): readonly (readonly [string, number | undefined])[] {
  return [
    ...checkedKernels.map((kernel) => [kernel, found.warm[kernel]] as const),
    ['warm mean', found.warmMean],
    ['whole mean', found.wholeMean],
  ];
}

/**
 * Compares with the least that a machine of the table has measured, and says where a ratio is too low. Not with this
 * machine's own row: a shared host of the same name gives an engine a fifth more or less on another day.
 */
export function checkRatios(size: SizeName, measured: Measured): boolean {
  const expected = Object.values(committed()[size] ?? {});
  let isGood = expected.length > 0;
  for (const bits of [64, 32] as const) {
    for (const engine of othersOf[bits]) {
      const found = measured[bits]?.[engine];
      // An engine that is not installed here has no figures.
      if (found === undefined) continue;
      const wanted = expected.flatMap((each) => each[bits]?.[engine] ?? []).map(figures);
      if (wanted.length === 0) console.log(`check: nothing to compare for ${bits}-bit, ${engine}`);
      for (const [index, [name, value = 0]] of figures(found).entries()) {
        const least = Math.min(...wanted.map((row) => row[index]?.[1] ?? 0));
        if (wanted.length === 0 || value >= least * (1 - shortfallMax)) continue;
        const than = `${value.toFixed(2)}, committed ${least.toFixed(2)}`;
        console.log(`check: ${bits}-bit guests, ${engine}: ${name} is ${than}`);
        isGood = false;
      }
    }
  }
  return isGood;
}
