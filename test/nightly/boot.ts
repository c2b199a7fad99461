// `npm run nightly:boot`: a whole boot on four processors in every manner, with equal hashes, 10,000 steps back, and the
// generic kernel with its root file system on a synthetic disk.
// Options: --seed=N (the day), --end=N (behind the first process), --points=N (10,000), --node=PATH (another Node to compare),
// --only=TEXT (manners with it in their titles, or "steps back", "la57" or "generic"), --from=N (window of the steps back to begin with).
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { bootIn, furtherManners, manners, type BootPlan, type Manner } from '../boot/boot-manners';
import { fiveLevelFailures } from '../boot/five-levels';
import { stepBackEverywhere } from '../boot/travel-points';
import { bootGenericFromDisk } from './generic-boot';

const folder = 'out/nightly';
const dayMs = 86_400_000;
const processors = 4;
/** The first process runs from about 498,000,000 on. */
const endDefault = 500_000_000;
const pointsDefault = 10_000;
/** Where steps back are taken: from the start of the processors on, in windows. */
const travelStart = 150_000_000;
const windowLength = 20_000_000;
const pointsEach = 1000;
const reference: Manner = { title: 'as it comes' };

function option(name: string): string | undefined {
  const given = process.argv.find((text) => text.startsWith(`--${name}=`));
  return given?.slice(name.length + 3);
}

const seed = Number(option('seed') ?? Math.floor(Date.now() / dayMs));
const plan: BootPlan = { processors, seed, end: Number(option('end') ?? endDefault) };
const points = Number(option('points') ?? pointsDefault);
const allManners: readonly Manner[] = [reference, ...manners, ...furtherManners].map(
  // There is time for all ten places.
  ({ places: _places, ...manner }) => manner,
);

const only = option('only');
const firstWindow = Number(option('from') ?? 0);

function isAsked(name: string): boolean {
  return only === undefined || name.includes(only);
}

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(1);
}

/** Boots in a process of its own, so that nothing is warm and its memory is given back. @returns its lines */
function bootApart(title: string, node = process.execPath): readonly string[] {
  const args = ['--import', 'tsx', 'test/nightly/boot.ts'];
  const options = [`--manner=${title}`, `--seed=${seed}`, `--end=${plan.end}`];
  const { stdout, stderr } = spawnSync(node, [...args, ...options], { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  return lines.length === 10 ? lines : [`no result: ${stderr.slice(-2000)}`];
}

/** @returns what is wrong */
function compareBoots(): readonly string[] {
  const failures: string[] = [];
  const others = allManners
    .slice(1)
    .filter(({ title }) => isAsked(title))
    .map(({ title }) => [title, process.execPath] as const);
  if (others.length === 0) return failures;
  const expected = bootApart(reference.title);
  const node = option('node');
  const rows =
    node === undefined || only !== undefined
      ? others
      : [...others, [reference.title, node] as const];
  for (const [title, executable] of rows) {
    const began = performance.now();
    const hashes = bootApart(title, executable);
    const at = expected.findIndex((line, index) => line !== hashes[index]);
    const where = executable === process.execPath ? title : `${title} on ${executable}`;
    console.log(`${where}: ${at < 0 ? 'the same' : 'DIFFERENT'}, ${secondsSince(began)} s`);
    if (at < 0) continue;
    failures.push(`${where}, seed ${seed}: ${hashes[at] ?? hashes[0]} instead of ${expected[at]}`);
  }
  return failures;
}

/** @returns what is wrong */
function travel(): readonly string[] {
  const failures: string[] = [];
  if (!isAsked('steps back')) return failures;
  for (let done = 0, window = firstWindow; done < points; done += pointsEach, window++) {
    const began = performance.now();
    const start = travelStart + window * windowLength;
    const count = Math.min(pointsEach, points - done);
    try {
      stepBackEverywhere({ seed: seed + window, points: count, start, length: windowLength });
      console.log(`window ${window}: ${count} steps back, ${secondsSince(began)} s`);
    } catch (error) {
      failures.push(String(error));
    }
  }
  return failures;
}

/** A kernel that finds 5-level paging turns it on, and does the same however it is run. @returns what is wrong */
function bootsOnFiveLevels(): readonly string[] {
  if (!isAsked('la57')) return [];
  const failures = fiveLevelFailures();
  console.log(`la57: ${failures.length === 0 ? 'as it should' : 'NOT as it should'}`);
  return failures;
}

const title = option('manner');
if (title !== undefined) {
  const manner = allManners.find((row) => row.title === title);
  if (manner === undefined) throw new Error(`There is no manner "${title}".`);
  console.log(bootIn(manner, plan).hashes.join('\n'));
} else {
  mkdirSync(folder, { recursive: true });
  console.log(`seed ${seed}, ${plan.end} steps on ${processors} processors`);
  const failures = [
    ...compareBoots(),
    ...travel(),
    ...bootsOnFiveLevels(),
    ...(isAsked('generic') ? bootGenericFromDisk() : []),
  ];
  const report = { ...plan, points, node: process.version, other: option('node'), failures };
  writeFileSync(`${folder}/boot.json`, `${JSON.stringify(report, undefined, 1)}\n`);
  for (const failure of failures) console.log(`failure: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
