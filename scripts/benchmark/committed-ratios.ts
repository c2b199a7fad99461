// The committed ratios of the translator to other engines, for each kind of machine; a check holds a run against them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../vscode-host/paths.mjs';
import type { Bits } from './kernel-run';
import { meanKernels, type Ratios } from './kernel-report';

export type SizeName = 'full' | 'quick' | 'brief';
/** Whether a run is as good as what is committed; unknown where nothing is, for this kind of machine. */
export type Verdict = 'good' | 'short' | 'unknown';
/** Ratios by the guest's width and the other engine. */
export type Measured = Readonly<
  Partial<Record<Bits, Readonly<Record<string, Ratios | undefined>>>>
>;
/** By size of the run, then by the kind of processor: engines gain differently from another microarchitecture. */
type Committed = Partial<Record<SizeName, Readonly<Record<string, Measured>>>>;

const path = join(root, 'scripts/benchmark/results/ratios.json');
const shortfallMax = 0.15;
const checkedKernels = [...meanKernels, 'system'];

export const othersOf: Readonly<Record<Bits, readonly string[]>> = {
  64: ['interpreter', 'qemu'],
  32: ['interpreter', 'qemu', 'v86'],
};

/** The processor's name with family and model: hosts of several generations call themselves alike to their guests. */
export function machineName(): string {
  const name = cpus()[0]?.model ?? 'unknown';
  const kind = ['cpu family', 'model'].map((key) => processorFact(key));
  return kind.includes(undefined) ? name : `${name}, family ${kind[0]}, model ${kind[1]}`;
}

/** What Linux says of the first processor. */
function processorFact(key: string): string | undefined {
  const facts = '/proc/cpuinfo';
  if (!existsSync(facts)) return undefined;
  return new RegExp(`^${key}\\s*: (\\d+)$`, 'm').exec(readFileSync(facts, 'utf8'))?.[1];
}

function committed(): Committed {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

/** Leaves out digits that mean nothing. */
export function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

/** Whether ratios of this kind of machine are committed. */
export function hasRatios(size: SizeName): boolean {
  return committed()[size]?.[machineName()] !== undefined;
}

/**
 * Commits what this kind of machine has measured.
 * @param keepsLower leaves numbers that were lower before: a shared host of the same name gives an engine a fifth more
 *   or less on another day, and a check must hold on each
 */
export function writeRatios(size: SizeName, measured: Measured, keepsLower: boolean): void {
  const before = committed();
  const own = before[size]?.[machineName()];
  const row = keepsLower && own !== undefined ? lower(measured, own) : measured;
  const all = { ...before, [size]: { ...before[size], [machineName()]: row } };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(all, rounded, 2)}\n`);
}

/** The lesser of the numbers at each place of two trees of one shape; a place that only one has keeps its number. */
function lower(one: Measured, other: Measured): Measured {
  // Trees that are merged at each place have the shape that both have.
  return lesser(one, other) as Measured;
}

function lesser(one: unknown, other: unknown): unknown {
  if (typeof one === 'number' && typeof other === 'number') return Math.min(one, other);
  if (!isTree(one) || !isTree(other)) return one ?? other;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...keys].map((key) => [key, lesser(one[key], other[key])]));
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
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
 * Compares with what is committed for this kind of machine, and says where a ratio is 15 % too low in each of the runs.
 * @param attempts ratios of engines that ran side by side. They are not mixed: a host of two moods makes either engine
 *   fast for a while, and the more runs there are, the surer the best of one meets a bad one of the other
 */
export function checkRatios(size: SizeName, attempts: readonly Measured[]): Verdict {
  const own = committed()[size]?.[machineName()];
  if (own === undefined) return 'unknown';
  let verdict: Verdict = 'good';
  for (const bits of [64, 32] as const) {
    for (const engine of othersOf[bits]) {
      const wanted = own[bits]?.[engine];
      const best = bestFigures(attempts.map((measured) => measured[bits]?.[engine]));
      if (wanted === undefined) continue;
      const least = new Map(figures(wanted));
      // An engine that is not installed here has no figures.
      for (const [name, value] of best) {
        const limit = least.get(name) ?? 0;
        if (value >= limit * (1 - shortfallMax)) continue;
        const than = `${value.toFixed(2)} at best, committed ${limit.toFixed(2)}`;
        console.log(`check: ${bits}-bit guests, ${engine}: ${name} is ${than}`);
        verdict = 'short';
      }
    }
  }
  return verdict;
}

function bestFigures(attempts: readonly (Ratios | undefined)[]): ReadonlyMap<string, number> {
  const best = new Map<string, number>();
  for (const found of attempts) {
    if (found === undefined) continue;
    for (const [name, value = 0] of figures(found)) {
      best.set(name, Math.max(value, best.get(name) ?? 0));
    }
  }
  return best;
}
